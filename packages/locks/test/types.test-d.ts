import { Kysely, type Transaction as KyselyTransaction } from 'kysely';
import pg from 'pg';
import { expectTypeOf } from 'vitest';
import {
  createLocks,
  updateVersioned,
  type Lease,
  type Queryable,
  type TryOutcome,
} from '../src/index.ts';

// The driver fits by shape.
const pool = new pg.Pool();
const locks = createLocks({ db: pool, namespace: 'n' });
expectTypeOf(pool).toExtend<Queryable>();

expectTypeOf(locks.withAdvisoryLock('k', () => Promise.resolve(5))).toEqualTypeOf<
  Promise<number>
>();
expectTypeOf(locks.tryAdvisoryLock('k', () => Promise.resolve(5))).toEqualTypeOf<
  Promise<TryOutcome<number>>
>();
void locks.withAdvisoryLock(['k', 5, 5n], async (tx) => {
  const { rows } = await tx.query<{ id: string }>('select id from t');
  expectTypeOf(rows).toEqualTypeOf<{ id: string }[]>();
  expectTypeOf((await tx.query('delete from t')).rowCount).toEqualTypeOf<
    number | null | undefined
  >();
  expectTypeOf(tx.signal).toEqualTypeOf<AbortSignal>();
  expectTypeOf(tx.pg).toEqualTypeOf<pg.PoolClient>();
  // Without an instance there is no transaction of it.
  expectTypeOf(tx.kysely()).toEqualTypeOf<never>();
});
void locks.withSessionLock('k', (held) => {
  expectTypeOf(held.pg).toEqualTypeOf<pg.PoolClient>();
  return Promise.resolve();
});
// A transaction is handed on as what it is.
void locks.runTransaction((tx) => locks.withAdvisoryLock('k', () => Promise.resolve(), { tx }));
const isolation = 'serializable';
void locks.runTransaction((tx) =>
  // @ts-expect-error: the caller's transaction has its own
  locks.withAdvisoryLock('k', () => Promise.resolve(), { tx, isolation }),
);

void locks.runTransaction((tx) => locks.tryAdvisoryLock('k', () => Promise.resolve(), { tx }));
// @ts-expect-error: it is what it does without
void locks.tryAdvisoryLock('k', () => Promise.resolve(), { wait: 5 });

// A guard takes what a lock of rows takes, also apart from its lease.
void locks.withLease('k', async ({ guard }: Lease) => {
  await locks.runTransaction((tx) => guard(tx));
  await guard(await pool.connect());
  // @ts-expect-error: a pool is no transaction
  await guard(pool);
});

interface Database {
  readonly items: { readonly id: number };
}
const typed = createLocks({
  db: pool,
  kysely: new Kysely<Database>({ dialect: undefined as never }),
  namespace: 'n',
});
void typed.runTransaction((tx) => {
  expectTypeOf(tx.kysely()).toEqualTypeOf<KyselyTransaction<Database>>();
  return tx.kysely().selectFrom('items').select('id').execute();
});
// @ts-expect-error: Kysely hides the connection, so the pool itself must be given
createLocks({ db: new Kysely<Database>({ dialect: undefined as never }), namespace: 'n' });

interface Item {
  readonly id: string;
  readonly value: number;
}
const change = { table: 'items', id: 1, expected: '1' };
expectTypeOf(updateVersioned<Item>(pool, { ...change, set: { value: 1 } })).toEqualTypeOf<
  Promise<Item>
>();
// @ts-expect-error: not a column of the row
void updateVersioned<Item>(pool, { ...change, set: { other: 1 } });
// @ts-expect-error: not the column's type
void updateVersioned<Item>(pool, { ...change, set: { value: 'x' } });
