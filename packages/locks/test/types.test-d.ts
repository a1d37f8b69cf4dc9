import pg from 'pg';
import { expectTypeOf } from 'vitest';
import { createLocks, updateVersioned, type Queryable } from '../src/index.ts';

// The driver fits by shape.
const pool = new pg.Pool();
const locks = createLocks({ db: pool, namespace: 'n' });
expectTypeOf(pool).toExtend<Queryable>();

expectTypeOf(locks.withAdvisoryLock('k', () => Promise.resolve(5))).toEqualTypeOf<
  Promise<number>
>();
void locks.withAdvisoryLock(['k', 5, 5n], async (tx) => {
  const { rows } = await tx.query<{ id: string }>('select id from t');
  expectTypeOf(rows).toEqualTypeOf<{ id: string }[]>();
  expectTypeOf(tx.signal).toEqualTypeOf<AbortSignal>();
});

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
