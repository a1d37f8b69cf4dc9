import { createTestDatabase, type TestDatabase } from '@holdfast/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  createLocks,
  leaseSchema,
  updateVersioned,
  withRowLock,
  type RowGap,
} from '../src/index.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());

// Names that a statement of ours could use for a part of itself.
const NAMES = ['changed', 'locked', 'wanted', 'each', 'present', 'free', 'taken', 'lease', 'read'];

it.each(NAMES)('rows of a table that is called %s are found, locked and updated', async (table) => {
  const { pool } = database;
  const columns = NAMES.map((name) => `"${name}" int default 0`).join(', ');
  await pool.query(`drop table if exists "${table}";
    create table "${table}" (id int primary key, version int not null default 1, ${columns});
    insert into "${table}" values (1), (2)`);
  const holder = await pool.connect();
  await holder.query(`begin; select from "${table}" where id = 2 for update`);
  const locks = createLocks({ db: pool, namespace: 'test' });

  const stale = updateVersioned<object>(pool, { table, id: 1, expected: 7, set: { taken: 1 } });
  await expect(stale).rejects.toMatchObject({ code: 'VERSION_CONFLICT', actual: 1 });
  const also = { [table]: 0, free: 0 };
  const change = { table, id: 1, expected: 1, set: { [table]: 5 }, also };
  await expect(updateVersioned<object>(pool, change)).resolves.toMatchObject({ [table]: 5 });
  const query = { table, ids: [1, 2, 99], wait: 'skip', require: 'any' } as const;
  const found = await locks.runTransaction((tx) =>
    withRowLock(tx, query, async (rows: { id: number }[], gap: RowGap<number>) => ({ rows, gap })),
  );
  await holder.query('rollback');
  holder.release();

  expect(found).toMatchObject({ rows: [{ id: 1 }], gap: { missing: [99], skipped: [2] } });
});

it.each(NAMES)('leases may be kept in a table that is called %s', async (table) => {
  const { pool } = database;
  await pool.query(`drop table if exists "${table}"`);
  for (const statement of leaseSchema({ table })) await pool.query(statement);
  const locks = createLocks({ db: pool, namespace: 'test', leases: { table } });

  const tokens = [];
  for (let turn = 0; turn < 2; turn += 1) {
    tokens.push(
      await locks.withLease('key', async (lease) => {
        await lease.renew();
        await locks.runTransaction((tx) => lease.guard(tx));
        return lease.token;
      }),
    );
  }

  expect(tokens).toEqual([1n, 2n]);
});
