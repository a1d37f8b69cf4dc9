import { createBatchWriter, type RejectedRow } from '@holdfast/batch-writer';
import { createTestDatabase, testSeed, type TestDatabase } from '@holdfast/testkit';
import { seededRandom } from '@holdfast/internal';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { expectAccounted, writeNow } from './oracle.ts';

interface Sample {
  readonly node: number;
  readonly metric: string;
  readonly ts: string | Date;
  readonly value: number | null;
}

const columns = { node: 'int8', metric: 'text', ts: 'timestamptz', value: 'float8' } as const;

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());
beforeEach(async () => {
  await database.pool.query(`
    DROP TABLE IF EXISTS samples, latest, parents CASCADE;
    CREATE TABLE parents (id int8 PRIMARY KEY);
    INSERT INTO parents SELECT generate_series(0, 999);
    CREATE TABLE samples (
      node int8 NOT NULL REFERENCES parents, metric text NOT NULL, ts timestamptz NOT NULL,
      value float8 CONSTRAINT sane CHECK (value IS NULL OR value < 1000),
      PRIMARY KEY (node, metric, ts)
    );
    CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN RAISE EXCEPTION 'refused by a trigger'; END $$;
    CREATE TRIGGER negative BEFORE INSERT ON samples FOR EACH ROW WHEN (NEW.value < 0) EXECUTE FUNCTION refuse();
    CREATE TABLE latest (
      node int8, metric text, ts timestamptz, value float8, PRIMARY KEY (node, metric)
    );`);
});

const at = (second: number): string => new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString();

async function countRows(table: string): Promise<number> {
  const { rows } = await database.pool.query<{ n: string }>(`SELECT count(*) AS n FROM ${table}`);
  return Number(rows[0]!.n);
}

test('stores each key once, whatever is written again', async () => {
  const writer = createBatchWriter<Sample>({
    pool: database.pool,
    schema: 'public',
    table: 'samples',
    columns,
    key: ['node', 'metric', 'ts'],
    batch: { maxRows: 100 },
  });

  for (let round = 0; round < 3; round++) {
    await writer.writeMany(
      Array.from({ length: 500 }, (_, index) => {
        return { node: index % 10, metric: 't', ts: at(index), value: round };
      }),
    );
  }
  const report = await writer.close();

  expect(report).toMatchObject({ accepted: 1500, stored: 500, duplicate: 1000, rejected: 0 });
  expectAccounted(report);
  const { rows } = await database.pool.query('SELECT DISTINCT value FROM samples');
  expect(rows).toEqual([{ value: 0 }]);
});

test('newerThan: a late row never overwrites a newer one, an equal one changes nothing', async () => {
  const writer = createBatchWriter<Sample>({
    pool: database.pool,
    table: 'latest',
    columns,
    key: ['node', 'metric'],
    onConflict: { newerThan: 'ts' },
  });
  const write = async (second: number, value: number): Promise<void> => {
    await writer.write({ node: 1, metric: 't', ts: at(second), value });
    await writer.flush();
  };

  await write(10, 1);
  await write(5, 2);
  await write(10, 3);
  expect((await database.pool.query('SELECT value FROM latest')).rows).toEqual([{ value: 1 }]);
  await write(11, 4);
  expect((await database.pool.query('SELECT value FROM latest')).rows).toEqual([{ value: 4 }]);

  expect(await writer.close()).toMatchObject({ accepted: 4, stored: 2, duplicate: 2 });
});

test('newerThan: a stored row without a time counts as the oldest', async () => {
  await database.pool.query(`INSERT INTO latest VALUES (1, 't', NULL, 0)`);
  const writer = createBatchWriter<Sample>({
    pool: database.pool,
    table: 'latest',
    columns,
    key: ['node', 'metric'],
    onConflict: { newerThan: 'ts' },
  });

  writeNow(writer, { node: 1, metric: 't', ts: '-infinity', value: 7 });
  expect(await writer.close()).toMatchObject({ stored: 1 });
});

test('keys that only the server holds equal are divided until each is alone', async () => {
  await database.pool.query(`
    CREATE COLLATION IF NOT EXISTS ignore_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
    DROP TABLE IF EXISTS tags;
    CREATE TABLE tags (tag text COLLATE ignore_case PRIMARY KEY, rank int4);`);
  const writer = createBatchWriter<{ tag: string; rank: number }>({
    pool: database.pool,
    table: 'tags',
    columns: { tag: 'text', rank: 'int4' },
    key: ['tag'],
    onConflict: { newerThan: 'rank' },
  });

  await writer.writeMany(['a', 'A', 'b', 'á'].map((tag, rank) => ({ tag, rank })));
  const report = await writer.close();

  expect(report).toMatchObject({ accepted: 4, rejected: 0, returned: [] });
  const { rows } = await database.pool.query('SELECT rank FROM tags ORDER BY rank');
  expect(rows).toEqual([{ rank: 1 }, { rank: 2 }, { rank: 3 }]);
});

test('puts each bad row into the dead letter with its reason and stores all others', async () => {
  const random = seededRandom(testSeed());
  const rejected: RejectedRow<Sample>[] = [];
  const writer = createBatchWriter<Sample>({
    pool: database.pool,
    table: 'samples',
    columns,
    key: ['node', 'metric', 'ts'],
    batch: { maxRows: 200 },
    onRejected: (rows) => void rejected.push(...rows),
  });
  const bad = new Map<number, string>();
  const rows = Array.from({ length: 1000 }, (_, index): Sample => {
    const good = { node: index % 1000, metric: 't', ts: at(index), value: 1 };
    if (random() > 0.02) return good;
    if (index % 3 === 0) {
      bad.set(index, '23514');
      return { ...good, value: 1000 };
    }
    if (index % 3 === 1) {
      bad.set(index, '23503');
      return { ...good, node: 5000 + index };
    }
    bad.set(index, 'P0001');
    return { ...good, value: -1 };
  });

  await writer.writeMany(rows);
  const report = await writer.close();

  expect(new Map(rejected.map(({ row, sqlstate }) => [Number(row.node) % 1000, sqlstate]))).toEqual(
    bad,
  );
  const broken = rejected.filter(({ sqlstate }) => sqlstate === '23514');
  expect(broken.map(({ constraint }) => constraint)).toEqual(broken.map(() => 'sane'));
  expect(report).toMatchObject({ stored: 1000 - bad.size, rejected: bad.size });
  expectAccounted(report);
  expect(await countRows('samples')).toBe(1000 - bad.size);
});

test('a duplicate by another unique index is a bad row, not a duplicate', async () => {
  await database.pool.query('CREATE UNIQUE INDEX other ON samples (value)');
  const writer = createBatchWriter<Sample>({
    pool: database.pool,
    table: 'samples',
    columns,
    key: ['node', 'metric', 'ts'],
  });
  const rejected: RejectedRow<Sample>[] = [];
  writer.on('rejected', ({ rows }) => rejected.push(...rows));

  for (const node of [1, 2, 3]) writeNow(writer, { node, metric: 't', ts: at(0), value: node % 2 });
  const report = await writer.close();

  expect(report).toMatchObject({ stored: 2, duplicate: 0, rejected: 1 });
  expect(rejected).toEqual([
    expect.objectContaining({ sqlstate: '23505', constraint: 'other' }) as unknown,
  ]);
});

test('halts while the table is missing and stores everything after resume', async () => {
  await database.pool.query('ALTER TABLE samples RENAME TO away');
  const writer = createBatchWriter<Sample>({
    pool: database.pool,
    table: 'samples',
    columns,
    key: ['node', 'metric', 'ts'],
  });

  await writer.writeMany([0, 1, 2].map((node) => ({ node, metric: 't', ts: at(0), value: 1 })));
  await expect(writer.flush()).rejects.toMatchObject({
    code: 'WRITER_HALTED',
    cause: { code: 'TABLE_MISMATCH' },
  });
  await database.pool.query('ALTER TABLE away RENAME TO samples');
  writer.resume();
  await writer.flush();

  expect(await writer.close()).toMatchObject({ accepted: 3, stored: 3 });
});

test('halts when no unique index has the columns of the key', async () => {
  const writer = createBatchWriter<Sample>({
    pool: database.pool,
    table: 'samples',
    columns,
    key: ['node'],
  });

  writeNow(writer, { node: 1, metric: 't', ts: at(0), value: 1 });
  await expect(writer.flush()).rejects.toMatchObject({ cause: { code: 'TABLE_MISMATCH' } });
  expect((await writer.close()).returned).toHaveLength(1);
});

test('four writers with overlapping keys lose nothing and reject nothing', async () => {
  const random = seededRandom(testSeed());
  const pools = Array.from({ length: 4 }, () => database.createPool({ max: 2 }));
  const writers = pools.map((pool) =>
    createBatchWriter<Sample>({
      pool,
      table: 'latest',
      columns,
      key: ['node', 'metric'],
      onConflict: { newerThan: 'ts' },
      batch: { maxRows: 50, lingerMs: 1 },
      retry: { baseMs: 5 },
    }),
  );
  const newest = new Map<number, number>();
  let deadlocks = 0;
  for (const writer of writers) {
    writer.on('retry', ({ error }) => {
      if ((error as { code?: string }).code === '40P01') deadlocks += 1;
    });
  }

  await Promise.all(
    writers.map(async (writer) => {
      for (let index = 0; index < 1500; index++) {
        const node = Math.floor(random() * 100);
        const second = Math.floor(random() * 10_000);
        newest.set(node, Math.max(newest.get(node) ?? 0, second));
        await writer.write({ node, metric: 't', ts: at(second), value: second });
        if (index % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
    }),
  );
  const reports = await Promise.all(writers.map((writer) => writer.close()));

  for (const report of reports) {
    expectAccounted(report);
    expect(report).toMatchObject({ accepted: 1500, rejected: 0, returned: [] });
  }
  expect(deadlocks).toBe(0);
  const { rows } = await database.pool.query<{ node: string; value: number }>(
    'SELECT node, value FROM latest',
  );
  expect(new Map(rows.map(({ node, value }) => [Number(node), value]))).toEqual(newest);
});

test('the same statements in no common order deadlock, which is the negative control', async () => {
  const pool = database.createPool({ max: 4, options: '-c deadlock_timeout=10ms' });
  await pool.query('TRUNCATE latest');
  const nodes = Array.from({ length: 500 }, (_, node) => String(node));
  const upsert = (order: string[]): Promise<'done' | 'deadlock'> =>
    pool
      .query(
        `INSERT INTO latest (node, metric, ts, value)
         SELECT node, 't', now(), 1 FROM unnest($1::bigint[]) AS input (node)
         ON CONFLICT (node, metric) DO UPDATE SET value = excluded.value`,
        [order],
      )
      .then(
        () => 'done',
        (error: unknown) => {
          if ((error as { code?: string }).code !== '40P01') throw error;
          return 'deadlock';
        },
      );

  let deadlocks = 0;
  for (let round = 0; round < 200 && deadlocks === 0; round++) {
    const orders = [nodes, [...nodes].reverse(), nodes, [...nodes].reverse()];
    const outcomes = await Promise.all(orders.map(upsert));
    deadlocks += outcomes.filter((outcome) => outcome === 'deadlock').length;
  }
  await pool.end();

  expect(deadlocks).toBeGreaterThan(0);
});
