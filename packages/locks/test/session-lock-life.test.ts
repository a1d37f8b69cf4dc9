import { type PoolClient } from '@holdfast/testkit';
import { describe, expect, it } from 'vitest';
import { OpenCursor } from './fixtures/open-cursor.ts';
import { createLocks, type HeldLock } from '../src/index.ts';
import { database, locks, pidOf, pool, useLocks } from './set-up.ts';

useLocks();

const KEEPALIVE = { keepaliveMs: 100 };
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe('a session lock whose server answers', () => {
  it('is not taken for lost because the transaction of its function has failed', async () => {
    const value = await locks.withSessionLock(
      'k',
      async ({ pg }) => {
        await pg.query('begin');
        await pg.query('select 1 / 0').catch(() => undefined);
        // Several questions are asked meanwhile.
        await pause(350);
        await pg.query('rollback');
        return 5;
      },
      KEEPALIVE,
    );

    expect(value).toBe(5);
  });

  it('is not taken for lost by assertHeld behind a long statement of its function', async () => {
    const value = await locks.withSessionLock(
      'k',
      async ({ pg, assertHeld }) => {
        const long = pg.query<{ n: number }>('select 5 as n, pg_sleep(0.5)');
        await assertHeld();
        return (await long).rows[0]?.n;
      },
      KEEPALIVE,
    );

    expect(value).toBe(5);
  });
});

describe('the keep-alive', () => {
  const forms: [string, (held: HeldLock<PoolClient>) => Promise<unknown>][] = [
    ['with a callback', ({ pg }) => new Promise((done) => pg.query('select 1', done))],
    [
      'with a callback in its configuration',
      ({ pg }) =>
        new Promise((done) => {
          (pg.query as (config: object) => void)({ text: 'select 1', callback: done });
        }),
    ],
    [
      'with a callback, that fails',
      ({ pg }) => new Promise((done) => pg.query('select 1 / 0', done)),
    ],
    [
      'by a cursor',
      async ({ pg }) => {
        const cursor = new OpenCursor();
        pg.query(cursor as never);
        await cursor.opened;
        cursor.close();
        await cursor.closed;
      },
    ],
  ];

  it.each(forms)('goes on after a query %s', async (_form, ask) => {
    await locks.withSessionLock(
      'k',
      async (held) => {
        const pid = await pidOf(held);
        await ask(held);
        const text = 'select query from pg_stat_activity where pid = $1';
        const last = async (): Promise<string | undefined> =>
          (await pool.query<{ query: string }>(text, [pid])).rows[0]?.query;
        // Ends by the time-out of the test where nothing is asked any more.
        while ((await last()) !== 'SELECT 1') await pause(10);
      },
      KEEPALIVE,
    );
  });
});

it.each(['pg_advisory_lock', 'pg_advisory_lock_shared'])(
  'a session that has taken its lock again by %s does not go back with it',
  async (take) => {
    const own = database.createPool({ max: 1 });
    const single = createLocks({ db: own, namespace: 'test' });
    const first = await single.withSessionLock('k', async (held) => {
      await held.pg.query(`select ${take}(${held.key})`);
      return pidOf(held);
    });
    const next = await single.withSessionLock('k', pidOf);

    expect(next).not.toBe(first);
  },
);

it('a lock above read committed that was taken again does not go back with its session', async () => {
  const own = database.createPool({ max: 1 });
  const single = createLocks({ db: own, namespace: 'test' });
  const { lockKey } = await import('../src/lock-key.ts');
  const options = { isolation: 'serializable' } as const;
  const pids = [];
  for (const taken of [lockKey('test', 'k'), 5n]) {
    const { rows } = await single.withAdvisoryLock(
      'k',
      (tx) =>
        tx.query<{ pid: number }>(`select pg_advisory_lock(${taken}), pg_backend_pid() as pid`),
      options,
    );
    pids.push(rows[0]?.pid);
  }

  expect(pids[0]).not.toBe(pids[1]);
});
