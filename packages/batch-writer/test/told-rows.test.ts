import {
  createBatchWriter,
  ledgerTableStatement,
  type BatchWriterOptions,
} from '@holdfast/batch-writer';
import {
  createTestDatabase,
  startFaultProxy,
  type CutRule,
  type TestDatabase,
} from '@holdfast/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { expectAccounted } from './oracle.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
  await database.pool.query(`
    CREATE COLLATION ignore_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
    CREATE FUNCTION swallow_even() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN IF NEW.id % 2 = 0 THEN RETURN NULL; END IF; RETURN NEW; END $$;
    CREATE FUNCTION lower_id() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN NEW.id := lower(NEW.id); RETURN NEW; END $$;
    ${ledgerTableStatement('ledger')}`);
});
afterAll(() => database.close());

type Values = Readonly<Record<string, unknown>>;
type Options = Omit<BatchWriterOptions<Values>, 'pool'>;

/** What writers say of the rows, written in one batch: told of each, and counted. */
async function write(options: Options, rows: readonly Values[]) {
  const given = { pool: database.pool, lanes: 1, ...options };
  await database.pool.query(`TRUNCATE ${options.table}`);
  const telling = createBatchWriter<Values>(given);
  const results = await Promise.all(rows.map((row) => telling.writeAndWait(row)));
  const told = await telling.close();
  await database.pool.query(`TRUNCATE ${options.table}`);
  const counting = createBatchWriter<Values>(given);
  await counting.writeMany(rows);
  const counted = await counting.close();
  for (const report of [told, counted]) expectAccounted(report);
  const { rows: stored } = await database.pool.query(`SELECT FROM ${options.table}`);
  return { statuses: results.map(({ status }) => status), told, counted, stored: stored.length };
}

const numbers = [1, 2, 3, 4, 5].map((id) => ({ id }));
const oddOnes = ['stored', 'duplicate', 'stored', 'duplicate', 'stored'];

test.each<[string, Partial<Options>]>([
  ['COPY', {}],
  ['COPY with a ledger', { exactlyOnce: { ledger: 'ledger' } }],
  ['INSERT from arrays', { path: 'unnest' }],
  ['INSERT from a table', { path: 'staging' }],
  ['COPY with a key', { key: ['id'] }],
  ['INSERT from arrays with a key', { key: ['id'], path: 'unnest' }],
])('rows that a trigger swallows are duplicates: %s', async (_name, options) => {
  await database.pool.query(`
    DROP TABLE IF EXISTS swallowing; CREATE TABLE swallowing (id int4 PRIMARY KEY);
    CREATE TRIGGER swallow BEFORE INSERT ON swallowing FOR EACH ROW EXECUTE FUNCTION swallow_even()`);
  const given = { table: 'swallowing', columns: { id: 'int4' }, ...options } as const;
  const { statuses, told, counted } = await write(given, numbers);

  expect(statuses).toEqual(oddOnes);
  expect(told).toMatchObject({ stored: 3, duplicate: 2 });
  expect(counted).toMatchObject({ stored: 3, duplicate: 2 });
});

test('a trigger that is put in front of the table while the writer runs: its rows are counted, and told of', async () => {
  await database.pool.query('CREATE TABLE later (id int4)');
  const options = { table: 'later', columns: { id: 'int4' } } as const;
  const writer = createBatchWriter<Values>({ pool: database.pool, ...options });
  await writer.write({ id: 2 });
  expect(await writer.flush()).toMatchObject({ stored: 1 });
  await database.pool.query(
    'CREATE TRIGGER swallow BEFORE INSERT ON later FOR EACH ROW EXECUTE FUNCTION swallow_even()',
  );

  const results = await Promise.all(numbers.map((row) => writer.writeAndWait(row)));
  expect(results.map(({ status }) => status)).toEqual(oddOnes);
  await writer.writeMany(numbers);
  const report = await writer.close();
  expectAccounted(report);
  expect(report).toMatchObject({ accepted: 11, stored: 7, duplicate: 4 });
});

test('how many rows a trigger has swallowed is known although the answer is lost', async () => {
  await database.pool.query(`CREATE TABLE lost (id int4);
    CREATE TRIGGER swallow BEFORE INSERT ON lost FOR EACH ROW EXECUTE FUNCTION swallow_even()`);
  const { hostname: host, port } = new URL(database.url);
  await using proxy = await startFaultProxy({ host, port: Number(port) });
  const pool = database.createPool({ connectionString: proxy.urlFor(database.url), max: 1 });
  const writer = createBatchWriter<Values>({
    pool,
    table: 'lost',
    columns: { id: 'int4' },
    retry: { baseMs: 1 },
  });
  (await pool.connect()).release();
  const rule: CutRule = { pattern: 'COMMIT\0', when: 'before' };
  const { fired } = proxy.set('open', { kind: 'cut', rule, direction: 'toClient' });
  await writer.writeMany(numbers);
  const report = await writer.close();
  await fired;

  expect(writer.snapshot().doubts).toBe(1);
  expect(report).toMatchObject({ accepted: 5, stored: 3, duplicate: 2 });
  expect((await database.pool.query('SELECT FROM lost')).rows).toHaveLength(3);
});

test.each<[string, Partial<Options>]>([
  ['arrays', { path: 'unnest' }],
  ['a table', { path: 'staging' }],
])('without a key each row is told of: from %s', async (_name, options) => {
  await database.pool.query('CREATE TABLE IF NOT EXISTS keyless (id int4)');
  const given = { table: 'keyless', columns: { id: 'int4' }, ...options } as const;
  const { statuses, counted } = await write(given, numbers);

  expect(statuses).toEqual(numbers.map(() => 'stored'));
  expect(counted).toMatchObject({ stored: 5, duplicate: 0 });
});

interface OddKey {
  readonly type: string;
  readonly declared: 'text' | 'numeric' | 'timestamptz';
  readonly ids: readonly string[];
  readonly statuses: readonly string[];
  readonly trigger?: string;
}

test.each<OddKey>([
  {
    type: 'text COLLATE ignore_case',
    declared: 'text',
    ids: ['One', 'two', 'one', 'ONE'],
    // Sorted by their bytes.
    statuses: ['duplicate', 'stored', 'duplicate', 'stored'],
  },
  {
    type: 'numeric(10, 1)',
    declared: 'numeric',
    ids: ['1.04', '1.0', '2.25', '3'],
    // 1.0 is sent first: rows are sorted by the key that was given.
    statuses: ['duplicate', 'stored', 'stored', 'stored'],
  },
  {
    type: 'timestamptz(0)',
    declared: 'timestamptz',
    ids: ['2026-01-01T00:00:00.4Z', '2026-01-01T00:00:00.1Z', '2026-01-01T00:00:03.2Z'],
    statuses: ['duplicate', 'stored', 'stored'],
  },
  {
    type: 'text',
    declared: 'text',
    trigger: 'lower_id',
    ids: ['A', 'b', 'C', 'a'],
    statuses: ['stored', 'stored', 'stored', 'duplicate'],
  },
])('keys that the table does not keep as they are: $type $trigger', async (odd) => {
  const { type, declared, ids, statuses, trigger } = odd;
  await database.pool.query(`DROP TABLE IF EXISTS odd; CREATE TABLE odd (id ${type} PRIMARY KEY)`);
  if (trigger !== undefined) {
    await database.pool.query(
      `CREATE TRIGGER t BEFORE INSERT ON odd FOR EACH ROW EXECUTE FUNCTION ${trigger}()`,
    );
  }
  const rows = ids.map((id) => ({ id }));
  for (const path of ['auto', 'staging', 'unnest'] as const) {
    const options = { table: 'odd', columns: { id: declared }, key: ['id'], path } as const;
    const result = await write(options, rows);

    expect(result.statuses).toEqual(statuses);
    const stored = statuses.filter((status) => status === 'stored').length;
    expect(result.stored).toBe(stored);
    for (const report of [result.told, result.counted]) {
      expect(report).toMatchObject({ stored, duplicate: ids.length - stored });
    }
  }
});
