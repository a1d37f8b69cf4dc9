import {
  createTestDatabase,
  type Pool,
  type PoolClient,
  type TestDatabase,
} from '@holdfast/testkit';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { createLocks, type Locks } from '../src/index.ts';

let database: TestDatabase;
let single: Pool;
let locks: Locks<PoolClient>;

beforeAll(async () => {
  database = await createTestDatabase();
});
beforeEach(() => {
  single = database.createPool({ max: 1 });
  locks = createLocks({ db: single, namespace: 'test' });
});
afterAll(() => database.close());

/** What the function of a lock sees `lock_timeout` set to. */
async function seen(): Promise<unknown> {
  const { rows } = await locks.withAdvisoryLock('k', (tx) => tx.query('show lock_timeout'));
  return rows;
}

it("is the session's for the function, also when it was changed between two locks", async () => {
  const values = [];
  for (const value of ['0', '3s', '1234ms', '0']) {
    await single.query(`set lock_timeout = '${value}'`);
    values.push(await seen(), await seen());
  }

  const expected = ['0', '0', '3s', '3s', '1234ms', '1234ms', '0', '0'];
  expect(values).toEqual(expected.map((value) => [{ lock_timeout: value }]));
});

it('is as it was in a session that goes back, and nothing else is set there', async () => {
  await single.query(`set lock_timeout = '3s'`);
  const inside = await locks.withSessionLock('k', ({ pg }) => pg.query('show lock_timeout'));
  await locks.withAdvisoryLock('k', () => Promise.resolve(), { isolation: 'serializable' });
  const { rows } = await single.query(
    `select current_setting('lock_timeout') as value, current_setting('holdfast.lock_timeout', true) as helper`,
  );

  expect([inside.rows, rows]).toEqual([[{ lock_timeout: '3s' }], [{ value: '3s', helper: null }]]);
});

it('is as it was in a session whose wait for a lock was too long', async () => {
  const other = createLocks({ db: database.pool, namespace: 'test' });
  await other.withSessionLock('k', async () => {
    await expect(
      locks.withAdvisoryLock('k', () => Promise.resolve(), { isolation: 'serializable', wait: 20 }),
    ).rejects.toMatchObject({ code: 'LOCK_TIMEOUT' });
    expect((await single.query('show lock_timeout')).rows).toEqual([{ lock_timeout: '0' }]);
  });
});
