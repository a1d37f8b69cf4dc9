import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createTestDatabase, type TestDatabase } from '@holdfast/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';

const folder = new URL('../examples/', import.meta.url);
const root = fileURLToPath(new URL('../../../', import.meta.url));
const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());

it.each(readdirSync(folder))(
  'example %s runs and is shown in the README as it is',
  async (file) => {
    const path = fileURLToPath(new URL(file, folder));
    const text = readFileSync(path, 'utf8');

    const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', path], {
      cwd: root,
      env: { ...process.env, DATABASE_URL: database.url },
    });

    expect(stdout).not.toBe('');
    expect(text.split('\n').length).toBeLessThanOrEqual(41);
    expect(readme).toContain(`\`\`\`ts\n${text}\`\`\`\n`);
  },
);
