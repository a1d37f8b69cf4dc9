import { createTestDatabase, spawnNode, type TestDatabase } from '@holdfast/testkit';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { PgIdResolverOptions } from '../../src/loader/pg-id-options.ts';
import { pgIdResolver, type PgIdResolver } from '../../src/loader/pg-id-resolver.ts';
import { outcomeOf } from './set-up.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());
beforeEach(async () => {
  await database.pool.query(`
    DROP SCHEMA IF EXISTS "of ""the"" net" CASCADE;
    DROP TABLE IF EXISTS nodes CASCADE;
    CREATE TABLE nodes (id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY, uid text UNIQUE NOT NULL);`);
});

type Key = string | number | bigint;

function nodes(options: Partial<PgIdResolverOptions<Key>> = {}): PgIdResolver<Key> {
  return pgIdResolver<Key>({
    pool: database.pool,
    table: 'nodes',
    keyColumn: 'uid',
    keyType: 'text',
    idColumn: 'id',
    ...options,
  });
}

async function insert(...uids: string[]): Promise<void> {
  await database.pool.query('INSERT INTO nodes (uid) SELECT unnest($1::text[])', [uids]);
}

const lastOfSequence = async (): Promise<number> => {
  const { rows } = await database.pool.query<{ n: string }>(
    `SELECT last_value AS n FROM pg_sequences WHERE sequencename = 'nodes_id_seq'`,
  );
  return Number(rows[0]!.n);
};

test('many gets are one question; a key that is not there is undefined', async () => {
  await insert('a', `it's "b"\\{,}`, '');
  await using resolver = nodes();

  const got = await Promise.all(['a', `it's "b"\\{,}`, '', 'c'].map((key) => resolver.get(key)));

  expect(got).toEqual([1, 2, 3, undefined]);
  expect(resolver.peek('a')).toBe(1);
  expect(resolver.peek('c')).toBeUndefined();
  expect(resolver.snapshot()).toMatchObject({ loads: 1, loadedKeys: 4, isListening: false });
  expect(database.pool.idleCount).toBe(database.pool.totalCount);
});

test('ids are numbers where that is exact, else bigints', async () => {
  await database.pool.query(
    `INSERT INTO nodes (id, uid) OVERRIDING SYSTEM VALUE VALUES (9007199254740991, 'last'), (9007199254740993, 'big')`,
  );
  await using resolver = nodes();

  expect(await resolver.getMany(['last', 'big'])).toEqual(
    new Map<string, number | bigint>([
      ['last', 9007199254740991],
      ['big', 9007199254740993n],
    ]),
  );
});

test('names are quoted; a uuid is one key in both cases', async () => {
  await database.pool.query(`
    CREATE SCHEMA "of ""the"" net";
    CREATE TABLE "of ""the"" net"."no""des" ("i d" int4 GENERATED ALWAYS AS IDENTITY, "u""id" uuid UNIQUE);`);
  await using resolver = nodes({
    schema: 'of "the" net',
    table: 'no"des',
    keyColumn: 'u"id',
    keyType: 'uuid',
    idColumn: 'i d',
    create: true,
  });
  const uid = '0b5d1c5e-1111-4222-8333-ABCDEFABCDEF';

  expect(await resolver.getMany([uid, uid.toLowerCase()])).toEqual(
    new Map([
      [uid, 1],
      [uid.toLowerCase(), 1],
    ]),
  );
  expect(resolver.snapshot().loadedKeys).toBe(1);
});

test('keys of an integer type that are equal there are one key', async () => {
  await database.pool.query(
    'CREATE TABLE numbers (id int4 GENERATED ALWAYS AS IDENTITY, uid int8 UNIQUE)',
  );
  await using resolver = nodes({ table: 'numbers', keyType: 'int8', create: true });

  expect(await resolver.getMany([7, 7n, '07', -(2n ** 63n)])).toEqual(
    new Map<Key, number | bigint>([
      [7, 2],
      [7n, 2],
      ['07', 2],
      [-(2n ** 63n), 1],
    ]),
  );
  expect(resolver.peek('-9223372036854775808')).toBe(1);
  expect(await outcomeOf(resolver.get(2n ** 63n))).toMatchObject({ code: 'KEY_INVALID' });
  expect(await outcomeOf(resolver.get('seven'))).toMatchObject({ code: 'KEY_INVALID' });
});

test('a key that cannot be sent fails alone, also where keys are created', async () => {
  await using resolver = nodes({ create: true });

  const keys = ['a', 'nul\u0000', 'half \ud800', 'b'];
  const got = await Promise.all(keys.map((key) => outcomeOf(resolver.get(key))));

  const invalid = expect.objectContaining({ code: 'KEY_INVALID' }) as unknown;
  expect(got).toEqual([1, invalid, invalid, 2]);
  expect(resolver.snapshot().loads).toBe(1);
});

test('create inserts only what is missing and takes no value of the sequence for the rest', async () => {
  await insert('a', 'b');
  await using resolver = nodes({ create: true });

  expect([...(await resolver.getMany(['c', 'a', 'd', 'b']))]).toEqual([
    ['c', 3],
    ['a', 1],
    ['d', 4],
    ['b', 2],
  ]);
  resolver.clear();
  await resolver.getMany(['a', 'b', 'c', 'd']);

  expect(await lastOfSequence()).toBe(4);
});

test('what another transaction inserts meanwhile is waited for and read', async () => {
  await using resolver = nodes({ create: true });
  const other = await database.pool.connect();
  await other.query('BEGIN');
  await other.query(`INSERT INTO nodes (uid) VALUES ('a')`);

  const got = resolver.getMany(['a', 'b']);
  await waitUntil(async () => {
    const { rows } = await database.pool.query(
      `SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'INSERT INTO "nodes"%' AND datname = current_database()`,
    );
    return rows.length === 1;
  });
  await other.query('COMMIT');
  other.release();

  expect((await got).get('a')).toBe(1);
  expect([...(await got).keys()]).toEqual(['a', 'b']);
});

test('8 processes that create the same 1000 keys get one id a key, and burn at most the missing ones each', async () => {
  const count = 1000;
  const workers = await Promise.all(
    Array.from({ length: 8 }, (_, place) =>
      spawnNode<'ready' | number[]>(new URL('./race-worker.ts', import.meta.url), [
        database.url,
        String(count),
        String(place),
      ]),
    ),
  );
  await Promise.all(workers.map((worker) => worker.next()));
  for (const worker of workers) worker.send('go');
  const ids = (await Promise.all(workers.map((worker) => worker.next()))) as number[][];
  await Promise.all(workers.map((worker) => worker.kill()));

  for (const own of ids) expect(own).toEqual(ids[0]);
  expect(new Set(ids[0]).size).toBe(count);
  const { rows } = await database.pool.query<{ n: string }>('SELECT count(*) AS n FROM nodes');
  expect(Number(rows[0]!.n)).toBe(count);
  expect(await lastOfSequence()).toBeLessThanOrEqual(8 * count);
}, 120_000);

test('a key that a trigger keeps out is KEY_NOT_CREATED, and the others are there', async () => {
  await database.pool.query(`
    CREATE OR REPLACE FUNCTION keep_out() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN IF NEW.uid = 'x' THEN RETURN NULL; END IF; RETURN NEW; END $$;
    CREATE TRIGGER keep_out BEFORE INSERT ON nodes FOR EACH ROW EXECUTE FUNCTION keep_out();`);
  await using resolver = nodes({ create: true });

  const got = await Promise.all(['a', 'x'].map((key) => outcomeOf(resolver.get(key))));

  expect(got[0]).toBeTypeOf('number');
  expect(got[1]).toMatchObject({ code: 'KEY_NOT_CREATED' });
  expect(resolver.peek('x')).toBeNull();
});

test('two rows of one key, and an id that is no integer, fail that key alone', async () => {
  await database.pool.query(`
    DROP TABLE IF EXISTS loose;
    CREATE TABLE loose (id text, uid text);
    INSERT INTO loose VALUES ('1', 'twice'), ('2', 'twice'), ('x', 'word'), ('3', 'fine'), (NULL, 'none');`);
  await using resolver = nodes({ table: 'loose' });

  const keys = ['twice', 'word', 'fine', 'none'];
  const got = await Promise.all(keys.map((key) => outcomeOf(resolver.get(key))));

  const invalid = expect.objectContaining({ code: 'LOAD_RESULT_INVALID' }) as unknown;
  expect(got).toEqual([invalid, invalid, 3, undefined]);
});

test('an error of the server rejects who waits, is not cached and leaves the connection healthy', async () => {
  await using resolver = nodes({ table: 'no_such_table' });

  expect(await outcomeOf(resolver.get('a'))).toMatchObject({ code: 'TABLE_MISMATCH' });
  expect(resolver.peek('a')).toBeNull();
  expect(database.pool.idleCount).toBe(database.pool.totalCount);
});

test('close in the midst of a question destroys its connection and rejects who waits', async () => {
  const pool = database.createPool({ max: 1 });
  const resolver = nodes({ pool });
  const other = await database.pool.connect();
  await other.query('BEGIN; LOCK TABLE nodes');
  const got = outcomeOf(resolver.get('a'));
  await waitUntil(async () => {
    const { rows } = await database.pool.query(
      `SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`,
    );
    return rows.length === 1;
  });

  await resolver.close();
  await other.query('ROLLBACK');
  other.release();

  expect(await got).toMatchObject({ code: 'LOADER_CLOSED' });
  expect(pool.totalCount).toBe(0);
});

test('bad options are refused', () => {
  expect(() => nodes({ keyType: 'jsonb' as never })).toThrow('keyType must be one of text, uuid');
  expect(() => nodes({ load: async () => [] } as never)).toThrow('load is not an option');
  expect(() => nodes({ listenChannel: 'x'.repeat(64) })).toThrow('listenChannel must have at most');
  expect(() => nodes({ idColumn: '' })).toThrow('idColumn must be a non-empty string');
  expect(() => nodes({ pool: {} as never })).toThrow('pool.connect must be a function');
  expect(() => nodes({ create: 'yes' as never })).toThrow('create must be a boolean');
});

async function waitUntil(isSo: () => Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + 20_000;
  while (!(await isSo())) {
    if (performance.now() > deadlineMs) throw new Error('it did not come to be');
  }
}

test('a key that the table refuses fails alone, and its neighbours are created', async () => {
  await database.pool.query('ALTER TABLE nodes ADD CHECK (length(uid) < 5)');
  await insert('old');
  await using resolver = nodes({ create: true });
  const uids = [
    ...Array.from({ length: 100 }, (_, at) => `n${at}`),
    'too long',
    'old',
    'worse than it',
  ];

  const got = await Promise.all(uids.map((uid) => outcomeOf(resolver.get(uid))));

  const failed = uids.filter((_, at) => got[at] instanceof Error);
  expect(failed).toEqual(['too long', 'worse than it']);
  expect(got[100]).toMatchObject({ code: '23514' });
  expect(new Set(got).size).toBe(uids.length);
  // The resolver lives on: what was refused is asked for again.
  await database.pool.query('ALTER TABLE nodes DROP CONSTRAINT nodes_uid_check');
  expect(await resolver.get('too long')).toEqual(expect.any(Number));
});

test('a table that refuses every key is not asked key by key', async () => {
  await database.pool.query('ALTER TABLE nodes ADD CHECK (id < 0)');
  await using resolver = nodes({ create: true });
  const uids = Array.from({ length: 500 }, (_, at) => `n${at}`);

  const got = await Promise.all(uids.map((uid) => outcomeOf(resolver.get(uid))));

  expect(got.every((error) => (error as { code?: string }).code === '23514')).toBe(true);
  // Each row that was tried has taken a number.
  expect(await lastOfSequence()).toBeLessThan(100);
});
