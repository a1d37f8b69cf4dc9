import { readdirSync, readFileSync } from 'node:fs';
import { createTestDatabase, type TestDatabase } from '@holdfast/testkit';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';

const folder = new URL('../examples/', import.meta.url);
const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
  vi.stubEnv('DATABASE_URL', database.url);
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await database.close();
});

it.each(readdirSync(folder))(
  'example %s runs and is shown in the README as it is',
  async (file) => {
    const text = readFileSync(new URL(file, folder), 'utf8');

    await import(new URL(file, folder).href);

    expect(text.split('\n').length).toBeLessThanOrEqual(41);
    expect(readme).toContain(`\`\`\`ts\n${text}\`\`\`\n`);
  },
);
