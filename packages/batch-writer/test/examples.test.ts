import { readFileSync } from 'node:fs';
import { createTestDatabase, type TestDatabase } from '@holdfast/testkit';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { cleanUp } from '../examples/clean-up.ts';
import { createLatestWriter } from '../examples/keep-latest.ts';
import { createNodeIds, idsOf } from '../examples/resolve-ids.ts';
import { storeTyped } from '../examples/use-kysely.ts';
import { storeReadings } from '../examples/store-readings.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
  await database.pool.query(`
    CREATE TABLE readings (node_id int8, ts timestamptz, value float8, UNIQUE (node_id, ts));
    CREATE TABLE nodes (id int8 GENERATED ALWAYS AS IDENTITY, uid text UNIQUE);
    CREATE TABLE latest (node_id int8 PRIMARY KEY, ts timestamptz, value float8 CHECK (value < 100));`);
});
afterAll(() => database.close());

test('store-readings stores each reading once', async () => {
  async function* source(): AsyncGenerator<{ node_id: number; ts: Date; value: number }> {
    for (const second of [1, 2, 2])
      yield { node_id: 1, ts: new Date(second * 1000), value: second };
  }

  expect(await storeReadings(database.pool, source())).toMatchObject({ stored: 2, duplicate: 1 });
});

test('use-kysely writes rows with the types of Kysely, and leaves generated columns to the database', async () => {
  await using other = await createTestDatabase();
  await other.pool.query(`CREATE TABLE readings (id int8 GENERATED ALWAYS AS IDENTITY, node_id int8,
    ts timestamptz, value float8, UNIQUE (node_id, ts))`);

  const stored = await storeTyped(other.pool, [
    { node_id: 1, ts: new Date(1000), value: 7 },
    { node_id: 1, ts: '1970-01-01T00:00:02Z' },
  ]);

  expect(stored).toEqual([
    { ts: new Date(1000), value: 7 },
    { ts: new Date(2000), value: null },
  ]);
  const { rows } = await other.pool.query('SELECT id FROM readings ORDER BY ts');
  expect(rows).toEqual([{ id: '1' }, { id: '2' }]);
});

test('keep-latest keeps the newest reading and hands on the bad one', async () => {
  const letters: string[] = [];
  const writer = createLatestWriter(database.pool, async (text) => void letters.push(text));

  await writer.write({ node_id: 1, ts: new Date(2000), value: 2 });
  await writer.write({ node_id: 1, ts: new Date(1000), value: 1 });
  await writer.write({ node_id: 2, ts: new Date(1000), value: 100 });
  await writer.close();

  const { rows } = await database.pool.query('SELECT node_id, value FROM latest');
  expect(rows).toEqual([{ node_id: '1', value: 2 }]);
  expect(letters).toEqual([expect.stringContaining('node 2: new row for relation "latest"')]);
});

test('resolve-ids gives each node one id and remembers it', async () => {
  const ids = createNodeIds(database.pool);
  const messages = [{ uid: 'a' }, { uid: 'b' }, { uid: 'a' }];

  const [a, b, again] = await idsOf(ids, messages);
  expect(again).toBe(a);
  expect(b).not.toBe(a);
  expect(await idsOf(ids, [{ uid: 'b' }])).toEqual([b]);
  await ids.close();
  const { rows } = await database.pool.query('SELECT uid FROM nodes ORDER BY uid');
  expect(rows).toEqual([{ uid: 'a' }, { uid: 'b' }]);
});

test('clean-up leaves the row that was stored last, and the index that keeps it alone', async () => {
  await database.pool.query(`
    DROP TABLE readings;
    CREATE TABLE readings (node_id int8, ts timestamptz, value float8, stored_at timestamptz);
    INSERT INTO readings VALUES (1, '2026-01-01', 1, '2026-01-01'), (1, '2026-01-01', 2, '2026-01-02')`);
  const log = vi.spyOn(console, 'log').mockImplementation(() => undefined);
  const report = await cleanUp(database.pool, new AbortController().signal);
  const told = log.mock.calls.map(([line]) => line as unknown);
  log.mockRestore();

  expect(report).toMatchObject({ deleted: 1, index: 'created' });
  expect(told).toEqual([
    'attempt 1, scan',
    'attempt 1, delete, 0 of 1 duplicates',
    'attempt 1, delete, 1 of 1 duplicates',
    'attempt 1, index',
  ]);
  const { rows } = await database.pool.query('SELECT value FROM readings');
  expect(rows).toEqual([{ value: 2 }]);
});

test.each(['store-readings', 'keep-latest', 'resolve-ids', 'clean-up', 'use-kysely'])(
  'the README shows %s as it is',
  (name) => {
    const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
    const source = readFileSync(new URL(`../examples/${name}.ts`, import.meta.url), 'utf8');

    expect(readme).toContain(`\`\`\`ts\n${source}\`\`\``);
  },
);
