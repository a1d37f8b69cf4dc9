import { Kysely } from 'kysely';
import pg from 'pg';
import { expectTypeOf } from 'vitest';
import { withOptimisticRetry } from '../src/rows/optimistic-retry.ts';
import type { Queryable } from '../src/ports.ts';
import { queryableOf } from '../src/rows/queryable-of.ts';
import { withRowLock, type RowGap } from '../src/rows/row-lock.ts';
import type { Transaction } from '../src/transactions/transaction.ts';
import { updateVersioned, type VersionedChange } from '../src/rows/update-versioned.ts';
import { addVersionColumn } from '../src/rows/version-column.ts';

interface Zone {
  readonly id: number;
  readonly setpoint: number;
}
interface Database {
  zones: Zone;
}

declare const pool: pg.Pool;
declare const client: pg.PoolClient;
declare const transaction: Transaction;
declare const kysely: Kysely<Database>;

// Each of them is a database.
const change = { table: 'zones', id: 1, expected: 1 };
for (const db of [pool, client, transaction, kysely]) {
  expectTypeOf(queryableOf(db)).toEqualTypeOf<Queryable>();
  expectTypeOf(updateVersioned<Zone>(db, { ...change, set: { setpoint: 1 } })).toEqualTypeOf<
    Promise<Zone>
  >();
}
void updateVersioned<Zone>(pool, { ...change, set: { setpoint: 1 }, also: { setpoint: 2 } });
// @ts-expect-error: not a column of the row
void updateVersioned<Zone>(pool, { ...change, set: { setpoint: 1 }, also: { other: 2 } });

// Without a row's type it is any row, and a change that has one keeps it.
expectTypeOf(updateVersioned(pool, { ...change, set: { setpoint: 1 } })).toEqualTypeOf<
  Promise<Readonly<Record<string, unknown>>>
>();
declare const typed: VersionedChange<Zone>;
expectTypeOf(updateVersioned(pool, typed)).toEqualTypeOf<Promise<Zone>>();

// The rows are what the callback takes, the gap has the type of the ids.
const lock = { table: 'zones', ids: ['a'] };
expectTypeOf(
  withRowLock(client, lock, (rows: Zone[], gap) => {
    expectTypeOf(gap).toEqualTypeOf<RowGap<string>>();
    return Promise.resolve(rows.length);
  }),
).toEqualTypeOf<Promise<number>>();
void withRowLock<Zone, void>(transaction, { table: 'zones', ids: [1] }, (rows) => {
  expectTypeOf(rows).toEqualTypeOf<Zone[]>();
  return Promise.resolve();
});
void withRowLock<Zone>(transaction, lock, (rows) => {
  expectTypeOf(rows).toEqualTypeOf<Zone[]>();
  return Promise.resolve();
});
void kysely.transaction().execute((tx) => withRowLock(tx, lock, () => Promise.resolve()));
// @ts-expect-error: a pool is no transaction
void withRowLock(pool, lock, () => Promise.resolve());
// @ts-expect-error: nor is an instance of Kysely
void withRowLock(kysely, lock, () => Promise.resolve());
// @ts-expect-error: no such strength
void withRowLock(client, { ...lock, mode: 'exclusive' }, () => Promise.resolve());

expectTypeOf(withOptimisticRetry((attempt) => Promise.resolve(`${attempt}`))).toEqualTypeOf<
  Promise<string>
>();
expectTypeOf(addVersionColumn({ table: 'zones' })).toEqualTypeOf<string[]>();
