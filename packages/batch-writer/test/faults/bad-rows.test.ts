import { createBatchWriter, type OnConflict, type WritePath } from '@holdfast/batch-writer';
import { seededRandom } from '@holdfast/internal';
import { createTestDatabase, testSeed, type TestDatabase } from '@holdfast/testkit';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { createCountingPool } from '../counting-pool.ts';
import { expectAccounted, writeNow } from '../oracle.ts';

interface Item {
  readonly id: number;
  readonly code: number;
  readonly size: number;
  readonly parent: number;
  readonly slot: number;
  readonly label: string | null;
}

const columns = {
  id: 'int4',
  code: 'int4',
  size: 'int4',
  parent: 'int4',
  slot: 'int4',
  label: 'text',
} as const;

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());
beforeEach(async () => {
  await database.pool.query(`
    DROP TABLE IF EXISTS items, parents CASCADE;
    CREATE TABLE parents (id int4 PRIMARY KEY);
    INSERT INTO parents VALUES (1);
    CREATE TABLE items (
      id int4 PRIMARY KEY, code int4 UNIQUE, size int4 CHECK (size < 1000),
      parent int4 REFERENCES parents, slot int4, label text NOT NULL,
      EXCLUDE USING btree (slot WITH =)
    );
    CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN RAISE EXCEPTION 'refused by a trigger'; END $$;
    CREATE TRIGGER before_insert BEFORE INSERT ON items FOR EACH ROW WHEN (NEW.label = 'before') EXECUTE FUNCTION refuse();
    CREATE TRIGGER after_insert AFTER INSERT ON items FOR EACH ROW WHEN (NEW.label = 'after') EXECUTE FUNCTION refuse();
    INSERT INTO items VALUES (-1, -1, 0, 1, -1, 'old');`);
});

const good = (id: number): Item => ({ id, code: id, size: 1, parent: 1, slot: id, label: 'new' });

/** By class, what is wrong with a row. */
const BAD: Readonly<Record<string, Partial<Item>>> = {
  check: { size: 5000 },
  notNull: { label: null },
  foreignKey: { parent: 2 },
  secondUnique: { code: -1 },
  exclusion: { slot: -1 },
  triggerBefore: { label: 'before' },
  triggerAfter: { label: 'after' },
};

const onConflicts: Readonly<Record<string, OnConflict<Item>>> = {
  nothing: 'nothing',
  error: 'error',
  update: {},
  newerThan: { newerThan: 'size' },
};

test.each(
  (['auto', 'staging', 'unnest'] as const).flatMap((path) =>
    Object.keys(onConflicts).map((conflict): [WritePath, string] => [path, conflict]),
  ),
)(
  'bad rows of every class at random places go to the dead letter, all others are stored: %s, %s',
  async (path, conflict) => {
    const random = seededRandom(testSeed());
    const kinds = Object.values(BAD);
    const rows: Item[] = [];
    const bad = new Set<number>();
    for (let id = 0; id < 500; id++) {
      const isBad = random() < 0.02;
      if (isBad) bad.add(id);
      const fault = isBad ? kinds[Math.floor(random() * kinds.length)] : undefined;
      rows.push({ ...good(id), ...fault });
    }
    const rejected: number[] = [];
    const writer = createBatchWriter<Item>({
      pool: database.pool,
      table: 'items',
      columns,
      key: ['id'],
      onConflict: onConflicts[conflict],
      path,
      batch: { maxRows: 200 },
      onRejected: (some) => void rejected.push(...some.map(({ row }) => Number(row.id))),
    });
    for (const row of rows) writeNow(writer, row);
    const report = await writer.close();

    expectAccounted(report);
    expect(report).toMatchObject({ stored: 500 - bad.size, rejected: bad.size, returned: [] });
    expect(rejected.sort((a, b) => a - b)).toEqual([...bad]);
    const stored = await database.pool.query<Item>(
      'SELECT id FROM items WHERE id >= 0 ORDER BY id',
    );
    const expected = rows.flatMap(({ id }) => (bad.has(id) ? [] : [id]));
    expect(stored.rows.map(({ id }) => id)).toEqual(expected);
  },
);

test.each([1, 2, 10, 40])(
  '%i spread bad rows among 10 000 cost two statements each, and one',
  async (count) => {
    const pool = createCountingPool(database.pool);
    const writer = createBatchWriter<Item>({
      pool,
      table: 'items',
      columns,
      key: ['id'],
      lanes: 1,
      batch: { maxRows: 10_000, maxBytes: 16 * 1024 ** 2, lingerMs: 1000 },
    });
    const faults = [BAD['check'], BAD['notNull'], BAD['triggerBefore']];
    const step = 10_000 / count;
    for (let id = 0; id < 10_000; id++) {
      const isBad = id % step === Math.floor(step / 2);
      writeNow(writer, { ...good(id), ...(isBad && faults[id % 3]) });
    }
    const report = await writer.close();

    expect(report).toMatchObject({ stored: 10_000 - count, rejected: count });
    expect(pool.writes()).toBeLessThanOrEqual(2 * count + 1);
  },
);

test.each(['bad, line 1', 'bad\nCOPY hosts, line 1', 'bad\nCOPY hosts, line 1, column id'])(
  'a value that looks like a place in the input blames no other row: %j',
  async (value) => {
    await database.pool.query(
      'DROP TABLE IF EXISTS hosts; CREATE TABLE hosts (id int4, address inet)',
    );
    const rejected: unknown[] = [];
    const writer = createBatchWriter<{ id: number; address: string }>({
      pool: database.pool,
      table: 'hosts',
      columns: { id: 'int4', address: 'unknown' },
      onRejected: (rows) => void rejected.push(...rows.map(({ row }) => row.id)),
    });
    for (let id = 0; id < 20; id++) {
      writeNow(writer, { id, address: id === 13 ? value : '10.0.0.1' });
    }
    const report = await writer.close();

    expect(rejected).toEqual([13]);
    expect(report).toMatchObject({ accepted: 20, stored: 19, rejected: 1 });
    expectAccounted(report);
  },
);

test('a batch that takes longer than statement_timeout is written in parts, and no row is blamed', async () => {
  await database.pool.query(`DROP TABLE IF EXISTS slow; CREATE TABLE slow (id int4 PRIMARY KEY);
    CREATE OR REPLACE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN PERFORM pg_sleep(0.002); RETURN NEW; END $$;
    CREATE TRIGGER wait AFTER INSERT ON slow FOR EACH ROW EXECUTE FUNCTION wait()`);
  const pool = database.createPool({ options: '-c statement_timeout=150' });
  const writer = createBatchWriter<{ id: number }>({
    pool,
    table: 'slow',
    columns: { id: 'int4' },
    key: ['id'],
    lanes: 1,
    retry: { baseMs: 1 },
  });
  for (let id = 0; id < 200; id++) writeNow(writer, { id });
  const report = await writer.close();

  expect(report).toMatchObject({ accepted: 200, stored: 200 });
  expect(writer.snapshot().retries).toBeGreaterThan(0);
});
