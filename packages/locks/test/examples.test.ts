import { readdirSync, readFileSync } from 'node:fs';
import { createTestDatabase, programRunner, type TestDatabase } from '@holdfast/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';

const folder = new URL('../examples/', import.meta.url);
const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());

it.each(readdirSync(folder))(
  'example %s runs and is shown in the README as it is',
  async (file) => {
    const example = new URL(file, folder);
    const text = readFileSync(example, 'utf8');

    const ended = await programRunner(example)([], { DATABASE_URL: database.url });

    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(ended.stdout).not.toBe('');
    expect(text.split('\n').length).toBeLessThanOrEqual(41);
    expect(readme).toContain(`\`\`\`ts\n${text}\`\`\`\n`);
  },
);
