import { createTestDatabase, type PoolClient, type TestDatabase } from '@holdfast/testkit';
import { Kysely, PostgresDialect } from 'kysely';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { createLocks, isHoldfastError, withRowLock, type RowLockQuery } from '../src/index.ts';
import type { RowLockTransaction } from '../src/rows/row-lock-transaction.ts';

let database: TestDatabase;
let holder: PoolClient;

beforeAll(async () => {
  database = await createTestDatabase();
  await database.pool.query(`
    create table items (id int primary key);
    insert into items select generate_series(1, 2)`);
});
afterAll(() => database.close());

beforeEach(async () => {
  holder = await database.pool.connect();
  await holder.query('begin');
  await holder.query('select from items where id = 2 for update');
});
afterEach(async () => {
  await holder.query('rollback');
  holder.release();
});

/** Resolves with the error's code, or with nothing when the rows are locked. */
async function take(
  tx: RowLockTransaction,
  id: number,
  wait: NonNullable<RowLockQuery['wait']>,
): Promise<string | undefined> {
  try {
    await withRowLock(tx, { table: 'items', ids: [id], wait }, () => Promise.resolve());
    return undefined;
  } catch (error) {
    if (!isHoldfastError(error)) throw error;
    return error.code;
  }
}

/** Whether somebody else is kept from locking the row. */
async function isLocked(id: number): Promise<boolean> {
  const { rows } = await database.pool.query(
    'select from items where id = $1 for update skip locked',
    [id],
  );
  return rows.length === 0;
}

// At some of these moments the savepoint of the other call is open.
it.each([0, 1, 2, 3, 4, 5, 6, 7])(
  'a lock that is asked for %i microtasks after one that fails is not undone with it',
  async (microtasks) => {
    const locks = createLocks({ db: database.pool, namespace: 'test' });
    const seen = await locks.runTransaction(async (tx) => {
      const failing = take(tx, 2, 'nowait');
      for (let n = 0; n < microtasks; n += 1) await Promise.resolve();
      const codes = await Promise.all([failing, take(tx, 1, 'wait')]);
      return { codes, isLocked: await isLocked(1) };
    });

    expect(seen).toEqual({ codes: ['ROW_LOCK_TIMEOUT', undefined], isLocked: true });
  },
);

it.each(['pg', 'kysely'] as const)(
  'a lock on tx.%s is not undone by one on tx that is asked for at the same time and fails',
  async (handle) => {
    const kysely = new Kysely<unknown>({ dialect: new PostgresDialect({ pool: database.pool }) });
    const locks = createLocks({ db: database.pool, kysely, namespace: 'test' });
    for (const microtasks of [0, 1, 2, 3, 4, 5, 6, 7]) {
      const seen = await locks.runTransaction(async (tx) => {
        const failing = take(tx, 2, 'nowait');
        for (let n = 0; n < microtasks; n += 1) await Promise.resolve();
        const own = handle === 'pg' ? tx.pg : tx.kysely();
        const codes = await Promise.all([failing, take(own, 1, 'wait')]);
        return { codes, isLocked: await isLocked(1) };
      });
      expect(seen).toEqual({ codes: ['ROW_LOCK_TIMEOUT', undefined], isLocked: true });
    }
  },
);

it.each(['wait', 'skip', 'nowait', 5_000] as const)(
  'a lock with %s on a client is not undone by one that is asked for at the same time and fails',
  async (wait) => {
    const client = await database.pool.connect();
    for (const order of ['before', 'after']) {
      await client.query('begin');
      const first = order === 'before' ? [take(client, 1, wait)] : [];
      const failing = take(client, 2, 100);
      const codes = await Promise.all([failing, ...first, take(client, 1, wait)]);

      expect(new Set(codes)).toEqual(new Set(['ROW_LOCK_TIMEOUT', undefined]));
      expect(await isLocked(1)).toBe(true);
      await client.query('commit');
    }
    client.release();
  },
);

it('a lock in a transaction of Kysely is not undone by one that is asked for at the same time and fails', async () => {
  const pool = database.createPool();
  const kysely = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) });
  const seen = await kysely.transaction().execute(async (tx) => {
    const codes = await Promise.all([take(tx, 1, 'nowait'), take(tx, 2, 100)]);
    return { codes, isLocked: await isLocked(1) };
  });
  await kysely.destroy();

  expect(seen).toEqual({ codes: [undefined, 'ROW_LOCK_TIMEOUT'], isLocked: true });
});

it('a lock inside a savepoint does not wait for the savepoint', async () => {
  const locks = createLocks({ db: database.pool, namespace: 'test' });
  const codes = await locks.runTransaction((tx) =>
    tx.savepoint(async (inner) => [await take(tx, 1, 'wait'), await take(inner, 1, 'skip')]),
  );

  expect(codes).toEqual([undefined, undefined]);
});
