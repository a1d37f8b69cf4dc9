import { once } from 'node:events';
import { startFaultProxy, startPgbouncerServer, watchLeaks } from '@holdfast/testkit';
import { describe, expect, it } from 'vitest';
import { createLocks } from '../src/index.ts';
import { database, locks, pidOf, pool, useLocks } from './set-up.ts';

useLocks();

const nothing = (): Promise<void> => Promise.resolve();

async function lockRows(): Promise<number> {
  const { rows } = await pool.query<{ n: number }>(`
    select count(*)::int as n from pg_locks where locktype = 'advisory'
    and database = (select oid from pg_database where datname = current_database())`);
  return rows[0]?.n ?? NaN;
}
async function untilNoLockIsLeft(): Promise<void> {
  while ((await lockRows()) > 0) await new Promise((resolve) => setImmediate(resolve));
}

describe('withSessionLock', () => {
  it('holds the lock while the function runs, outside of any transaction', async () => {
    const seen = await locks.withSessionLock('k', async (held) => {
      await held.assertHeld();
      const { rows } = await held.pg.query<{ open: boolean }>(
        'select now() = statement_timestamp() as open',
      );
      const other = createLocks({ db: pool, namespace: 'test' });
      return [rows[0]?.open, (await other.tryAdvisoryLock('k', nothing)).acquired];
    });

    expect(seen).toEqual([true, false]);
    expect(await lockRows()).toBe(0);
  });

  it('gives its connection back as it was, for others to use', async () => {
    const own = database.createPool({ max: 1 });
    const single = createLocks({ db: own, namespace: 'test' });
    const pids = [];
    for (const key of ['a', 'b']) pids.push(await single.withSessionLock(key, pidOf));

    expect(pids[0]).toBe(pids[1]);
    expect((await own.query('show lock_timeout')).rows).toEqual([{ lock_timeout: '0' }]);
    expect(await lockRows()).toBe(0);
  });

  it('takes its connections from the pool that is for locks alone', async () => {
    const lockDb = database.createPool({ application_name: 'locks alone' });
    const two = createLocks({ db: pool, lockDb, namespace: 'test' });
    const { rows } = await two.withSessionLock('k', ({ pg }) => pg.query('show application_name'));

    expect(rows).toEqual([{ application_name: 'locks alone' }]);
  });

  it('gives up after the wait, names the holder, and holds nothing', async () => {
    await locks.withSessionLock('k', async (held) => {
      const other = createLocks({ db: pool, namespace: 'test' });
      for (const wait of [20, 'try'] as const) {
        await expect(other.withSessionLock('k', nothing, { wait })).rejects.toMatchObject({
          code: 'LOCK_TIMEOUT',
          holders: [{ pid: await pidOf(held) }],
        });
      }
    });
    expect(await lockRows()).toBe(0);
  });

  it('leaves the queue at once when its caller aborts, and holds nothing', async () => {
    const reason = new Error('stop');
    await locks.withSessionLock('k', async () => {
      const other = createLocks({ db: pool, namespace: 'test' });
      const abort = new AbortController();
      const waiting = other.withSessionLock('k', nothing, { signal: abort.signal });
      const rejected = expect(waiting).rejects.toBe(reason);
      while (other.snapshot().waiting === 0) await new Promise((resolve) => setImmediate(resolve));
      abort.abort(reason);
      await rejected;
    });
    await untilNoLockIsLeft();
  });

  it('says so at once when the connection dies, and does not crash', async () => {
    const told: string[] = [];
    const own = createLocks({ db: pool, namespace: 'test' });
    own.on('lost', ({ key }) => told.push(key));
    const running = own.withSessionLock('k', async (held) => {
      const aborted = once(held.signal, 'abort');
      const pid = await pidOf(held);
      const before = performance.now();
      await pool.query('select pg_terminate_backend($1)', [pid]);
      await aborted;
      expect(performance.now() - before).toBeLessThan(1_000);
      expect(held.signal.reason).toMatchObject({ code: 'LOCK_LOST' });
      await expect(held.pg.query('select 1')).rejects.toMatchObject({ code: 'LOCK_LOST' });
      await expect(held.assertHeld()).rejects.toMatchObject({ code: 'LOCK_LOST' });
      return 'what the function made of it does not matter';
    });

    await expect(running).rejects.toMatchObject({ code: 'LOCK_LOST', key: 'test/k' });
    expect([told, own.snapshot().lost]).toEqual([['test/k'], 1]);
  });

  it('notices that the server is gone without a word, within twice the keep-alive', async () => {
    const { hostname: host, port } = new URL(database.url);
    await using proxy = await startFaultProxy({ host, port: Number(port) });
    const own = database.createPool({ connectionString: proxy.urlFor(database.url) });
    const far = createLocks({ db: own, namespace: 'test' });
    const running = far.withSessionLock(
      'k',
      async (held) => {
        proxy.set('open', { kind: 'freeze' });
        await once(held.signal, 'abort');
      },
      { keepaliveMs: 100 },
    );

    await expect(running).rejects.toMatchObject({
      code: 'LOCK_LOST',
      cause: { message: 'the server gave no sign of life for 100 ms' },
    });
    proxy.cutAll();
    await untilNoLockIsLeft();
  });

  it('does not take a long statement on its own connection for a dead server', async () => {
    const value = await locks.withSessionLock(
      'k',
      async ({ pg }) => (await pg.query<{ n: number }>('select 5 as n, pg_sleep(0.5)')).rows[0]?.n,
      { keepaliveMs: 100 },
    );

    expect(value).toBe(5);
  });

  it('notices by assertHeld that somebody has released it on this very session', async () => {
    const running = locks.withSessionLock('k', async (held) => {
      await held.pg.query('select pg_advisory_unlock_all()');
      await held.assertHeld();
    });

    await expect(running).rejects.toMatchObject({ code: 'LOCK_LOST' });
    expect(await lockRows()).toBe(0);
  });

  it('destroys a connection that still holds something when it could not release it', async () => {
    const own = database.createPool({ max: 1 });
    const single = createLocks({ db: own, namespace: 'test' });
    const pids = [
      await single.withSessionLock('k', async (held) => {
        await held.pg.query('select pg_advisory_unlock_all()');
        return pidOf(held);
      }),
      await single.withSessionLock('k', pidOf),
    ];

    expect(pids[0]).not.toBe(pids[1]);
  });

  it('leaves no timer and no listener behind', async () => {
    const own = database.createPool();
    await own.query('select 1');
    const leaks = watchLeaks();
    const single = createLocks({ db: own, namespace: 'test' });
    await single.withSessionLock('k', nothing, { keepaliveMs: 100 });
    await own.end();

    await leaks.assertNone();
  });

  describe('behind a pooler', () => {
    it.each(['session', 'transaction'] as const)('in %s mode is refused', async (mode) => {
      await using pooler = await startPgbouncerServer(database.url, { mode });
      const db = database.createPool({ connectionString: pooler.url });
      const behind = createLocks({ db, namespace: 'test' });

      await expect(behind.withSessionLock('k', nothing)).rejects.toMatchObject({
        code: 'POOLER_DETECTED',
      });
      expect(await lockRows()).toBe(0);
    });

    it('in session mode is given when that was said', async () => {
      await using pooler = await startPgbouncerServer(database.url, { mode: 'session' });
      const db = database.createPool({ connectionString: pooler.url });
      const behind = createLocks({ db, namespace: 'test', pooler: 'session-mode' });

      expect(await behind.withSessionLock('k', () => Promise.resolve(5))).toBe(5);
    });

    it('is given by a pool for locks that is connected directly', async () => {
      await using pooler = await startPgbouncerServer(database.url, { mode: 'transaction' });
      const db = database.createPool({ connectionString: pooler.url });
      const behind = createLocks({ db, lockDb: pool, namespace: 'test' });

      expect(await behind.withSessionLock('k', () => Promise.resolve(5))).toBe(5);
    });
  });
});
