import { readdirSync, readFileSync } from 'node:fs';
import {
  createTestDatabase,
  createTestRedis,
  programRunner,
  type TestDatabase,
  type TestRedis,
} from '@holdfast/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';

const folder = new URL('../examples/', import.meta.url);
const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
let database: TestDatabase;
let redis: TestRedis;

beforeAll(async () => {
  [database, redis] = await Promise.all([createTestDatabase(), createTestRedis()]);
});
afterAll(() => Promise.all([database.close(), redis.close()]));

it.each(readdirSync(folder))(
  'example %s runs and is shown in the README as it is',
  async (file) => {
    const example = new URL(file, folder);
    const text = readFileSync(example, 'utf8');

    const ended = await programRunner(example)([], {
      DATABASE_URL: database.url,
      REDIS_URL: redis.url,
    });

    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(ended.stdout).not.toBe('');
    expect(text.split('\n').length).toBeLessThanOrEqual(41);
    expect(readme).toContain(`\`\`\`ts\n${text}\`\`\`\n`);
  },
);
