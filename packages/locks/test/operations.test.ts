import { createDeferred } from '@holdfast/internal';
import {
  createTestDatabase,
  type Pool,
  type PoolClient,
  type TestDatabase,
} from '@holdfast/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createLocks, listLocks, lockKey, type Locks } from '../src/index.ts';

let database: TestDatabase;
let pool: Pool;
let locks: Locks<PoolClient>;

beforeAll(async () => {
  database = await createTestDatabase();
  pool = database.createPool({ application_name: 'holder' });
  locks = createLocks({ db: pool, namespace: 'test' });
});
afterAll(() => database.close());

const nothing = (): Promise<void> => Promise.resolve();

/** Holds `key` while `meanwhile` runs, whatever becomes of the holder. */
async function holding<T>(key: string, meanwhile: () => Promise<T>): Promise<T> {
  const holds = createDeferred<void>();
  const done = createDeferred<void>();
  const running = locks.withAdvisoryLock(key, () => {
    holds.resolve();
    return done.promise;
  });
  running.catch(() => undefined);
  await holds.promise;
  try {
    return await meanwhile();
  } finally {
    done.resolve();
    await running.catch(() => undefined);
  }
}

it('says who holds a lock and who waits for it, in the order of the queue', async () => {
  const seen = await holding('a', async () => {
    const waiting: Promise<void>[] = [];
    for (const shared of [false, true]) {
      waiting.push(locks.withAdvisoryLock('a', nothing, { shared }));
      while ((await locks.inspect('a')).waiters.length < waiting.length);
    }
    return { waiting, inspection: await locks.inspect('a'), all: await listLocks(database.pool) };
  });
  await Promise.all(seen.waiting);

  const since = expect.any(Date) as Date;
  const pid = expect.any(Number) as number;
  const applicationName = 'holder';
  expect(seen.inspection).toEqual({
    key: lockKey('test', 'a'),
    holders: [{ pid, applicationName, state: 'idle in transaction', since, isShared: false }],
    waiters: [
      { pid, applicationName, since, isShared: false },
      { pid, applicationName, since, isShared: true },
    ],
  });
  expect(seen.all).toEqual([seen.inspection]);
  expect(await locks.inspect('a')).toEqual({ key: lockKey('test', 'a'), holders: [], waiters: [] });
});

it('ends a holder that is old enough, and no other one', async () => {
  const outcomes = await holding('a', async () => {
    const [holder] = (await locks.inspect('a')).holders;
    const { pid } = holder!;
    return [
      await locks.forceRelease('a', { pid, olderThanMs: 60_000 }),
      await locks.forceRelease('a', { pid: pid + 1, olderThanMs: 0 }),
      await locks.forceRelease('another', { pid, olderThanMs: 0 }),
      (await locks.inspect('a')).holders.length,
      await locks.forceRelease('a', { pid, olderThanMs: 0 }),
      (await locks.inspect('a')).holders.length,
    ];
  });

  expect(outcomes).toEqual([false, false, false, 1, true, 0]);
  expect(locks.snapshot().lost).toBe(1);
});

it.each([
  [{ pid: 0, olderThanMs: 1 }, 'pid must be an integer of at least 1, got 0'],
  [{ pid: 1 }, 'olderThanMs must be a number of at least 0, got undefined'],
  [
    { pid: 1, olderThan: 1 },
    'olderThan is not an option of forceRelease; its options are pid, olderThanMs',
  ],
])('forceRelease refuses %j', (guard, message) => {
  expect(() => locks.forceRelease('a', guard as never)).toThrow(message);
});

it('tries for a lock in the transaction of the caller, which goes on without it', async () => {
  const tryInside = (): Promise<unknown[]> =>
    locks.runTransaction(async (tx) => {
      const outcome = await locks.tryAdvisoryLock('a', async (inner) => inner === tx, { tx });
      const { rows } = await tx.query<{ n: number }>('select 1 as n');
      return [outcome, rows];
    });

  const [free, held] = [await tryInside(), await holding('a', tryInside)];

  expect(free).toEqual([{ acquired: true, value: true }, [{ n: 1 }]]);
  expect(held).toMatchObject([{ acquired: false, holders: [{ isShared: false }] }, [{ n: 1 }]]);
});

it('says what to do about a lock that is held already, also by a session', async () => {
  const again = (): Promise<void> => locks.withAdvisoryLock('a', nothing);
  const message =
    'lock test/a is held by this call already, on another connection: ' +
    'go on without it, or, when a transaction holds it, pass that as `tx`';

  await expect(locks.withSessionLock('a', again)).rejects.toThrow(message);
  await expect(locks.withAdvisoryLock('a', again)).rejects.toThrow(message);
});
