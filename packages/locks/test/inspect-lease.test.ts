import { createTestDatabase, type Pool, type TestDatabase } from '@holdfast/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createLocks, leaseSchema, lockKey } from '../src/index.ts';

let database: TestDatabase;
let pool: Pool;

beforeAll(async () => {
  database = await createTestDatabase();
  pool = database.pool;
});
afterAll(() => database.close());

const NOBODY = { holders: [], waiters: [], lease: undefined };

it('tells who has the lease of the key, also where there is no table of leases', async () => {
  const leases = { table: 'Leases', schema: 'app', holder: 'worker 3' };
  const locks = createLocks({ db: pool, namespace: 'test', leases });
  const key = lockKey('test', ['zone', 7]);

  const seen = [await locks.inspect(['zone', 7])];
  for (const statement of leaseSchema({ table: 'Leases', schema: 'app' })) {
    await pool.query(statement);
  }
  seen.push(await locks.inspect(['zone', 7]));
  const held = await locks.acquireLease(['zone', 7], { ttlMs: 60_000 });
  const { lease, ...rest } = await locks.inspect(['zone', 7]);
  await held.release();
  seen.push(await locks.inspect(['zone', 7]));

  expect(seen).toEqual([0, 1, 2].map(() => ({ key, ...NOBODY })));
  expect(rest).toEqual({ key, holders: [], waiters: [] });
  expect(lease).toMatchObject({ holder: 'worker 3', token: held.token });
  expect(lease!.remainingMs).toBeGreaterThan(30_000);
  expect(lease!.remainingMs).toBeLessThanOrEqual(60_000);
  const { rows } = await pool.query<{ at: Date }>('select acquired_at as at from app."Leases"');
  expect(lease!.since).toEqual(rows[0]!.at);
});

it('a lease that an operator ends is free at once, its token grows, its holder is told and refused', async () => {
  for (const statement of leaseSchema()) await pool.query(statement);
  const locks = createLocks({ db: pool, namespace: 'test' });
  const stuck = await locks.acquireLease(['zone', 8], { ttlMs: 600_000, renew: false });

  await pool.query(`update holdfast_leases set expires_at = '-infinity' where key = 'test/zone/8'`);
  const next = await locks.acquireLease(['zone', 8], { wait: 'try' });

  expect(next.token).toBe(stuck.token + 1n);
  await expect(locks.runTransaction((tx) => stuck.guard(tx))).rejects.toMatchObject({
    code: 'STALE_TOKEN',
  });
  await expect(stuck.renew()).rejects.toMatchObject({ code: 'LOCK_LOST', reason: 'taken' });
  expect((await locks.inspect(['zone', 8])).lease).toMatchObject({ token: next.token });
  await next.release();
});

it('a lease can be taken apart into its functions', async () => {
  const locks = createLocks({ db: pool, namespace: 'test' });
  const { guard, assertHeld, renew, remainingMs, guardSql, release } =
    await locks.acquireLease('apart');

  assertHeld();
  await renew();
  await locks.runTransaction((tx) => guard(tx));
  expect(remainingMs()).toBeGreaterThan(0);
  expect(guardSql()).toContain('EXISTS');
  expect(await release()).toBe(true);
});

it.each(['inspect', 'forceRelease'] as const)(
  '%s does not give a connection back on which an answer is still to come',
  async (question) => {
    const own = database.createPool({ max: 1, query_timeout: 200 });
    const locks = createLocks({ db: own, namespace: 'test' });
    // The server is slow to say who holds what.
    const client = await own.connect();
    const query = client.query.bind(client) as (...args: unknown[]) => Promise<unknown>;
    client.query = ((text: unknown, ...rest: unknown[]) =>
      String(text).includes('pg_locks')
        ? query('select pg_sleep(2)')
        : query(text, ...rest)) as never;
    client.release();

    const asking =
      question === 'inspect'
        ? locks.inspect('k')
        : locks.forceRelease('k', { pid: 1, olderThanMs: 0 });
    await expect(asking).rejects.toThrow('Query read timeout');

    expect(own.idleCount).toBe(0);
    expect((await own.query<{ n: number }>('select 5 as n')).rows).toEqual([{ n: 5 }]);
  },
);

it('a question that the server refuses gives its connection back', async () => {
  const own = database.createPool({ max: 1 });
  const locks = createLocks({ db: own, namespace: 'test', leases: { table: 'no_leases' } });
  await pool.query('create table no_leases (id int)');

  await expect(locks.inspect('k')).rejects.toMatchObject({ code: '42703' });

  expect(own.idleCount).toBe(1);
});
