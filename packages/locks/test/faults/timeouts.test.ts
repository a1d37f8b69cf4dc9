import { isHoldfastError, seededRandom } from '@holdfast/internal';
import {
  createTestDatabase,
  isTorture,
  recordTorture,
  testSeed,
  type Pool,
  type TestDatabase,
} from '@holdfast/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLocks, lockKey, type Locks } from '../../src/index.ts';

/** Waits that are cut short, in all. */
const SIZE = isTorture ? 100_000 : 500;
const WORKERS = 24;
const KEYS = 4;
/** As long as the waits: so a lock is often granted when the wait for it ends. */
const HOLD_MS = 2;

let database: TestDatabase;
let pool: Pool;

beforeAll(async () => {
  database = await createTestDatabase();
  pool = database.createPool({ max: WORKERS });
});
afterAll(() => database.close());

async function lockRows(): Promise<number> {
  const { rows } = await database.pool.query<{ n: number }>(`
    select count(*)::int as n from pg_locks where locktype = 'advisory'
    and database = (select oid from pg_database where datname = current_database())`);
  return rows[0]?.n ?? NaN;
}

const hold = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Lets workers take locks with waits of 1 to 3 ms until so many of them were too short. */
async function storm(
  take: (key: string, waitMs: number) => Promise<'held' | 'timed out'>,
  size: number,
): Promise<{ readonly held: number; readonly timedOut: number }> {
  const random = seededRandom(testSeed());
  let held = 0;
  let timedOut = 0;
  const work = async (): Promise<void> => {
    while (timedOut < size) {
      const key = `key ${Math.floor(KEYS * random())}`;
      if ((await take(key, 1 + Math.floor(3 * random()))) === 'held') held += 1;
      else timedOut += 1;
    }
  };
  await Promise.all(Array.from({ length: WORKERS }, work));
  return { held, timedOut };
}

const takeWith =
  (lock: (key: string, fn: () => Promise<void>, options: { wait: number }) => Promise<void>) =>
  (key: string, wait: number): Promise<'held' | 'timed out'> =>
    lock(key, () => hold(HOLD_MS), { wait }).then(
      () => 'held',
      (error: unknown) => {
        if (isHoldfastError(error, 'LOCK_TIMEOUT')) return 'timed out';
        throw error;
      },
    );

describe(`${SIZE} waits that end when the lock may just have been granted`, () => {
  it.each([
    ['transaction', (locks: Locks) => takeWith((...args) => locks.withAdvisoryLock(...args))],
    ['session', (locks: Locks) => takeWith((...args) => locks.withSessionLock(...args))],
  ] as const)(
    'leave no lock behind: %s',
    { timeout: isTorture ? 1_800_000 : 60_000 },
    async (kind, create) => {
      const seed = testSeed();
      const startedMs = performance.now();
      const take = create(createLocks({ db: pool, namespace: 'storm' }));

      const { held, timedOut } = await storm(take, SIZE);

      // A connection that was destroyed may still be ending.
      let left = await lockRows();
      for (let look = 0; left > 0 && look < 200; look += 1) {
        await hold(10);
        left = await lockRows();
      }
      const seconds = Math.round((performance.now() - startedMs) / 1_000);
      const result = { held, timedOut, left };
      recordTorture({ name: `locks-timeouts: ${kind}`, size: SIZE, seed, result, seconds });
      expect(left).toBe(0);
      expect(held).toBeGreaterThan(0);
      expect([pool.waitingCount, pool.totalCount - pool.idleCount]).toEqual([0, 0]);
    },
  );

  it(
    'leave locks behind when a connection is used again after a time-out (negative control)',
    { timeout: 60_000 },
    async () => {
      const bare = database.createPool({ max: WORKERS });
      const take = async (key: string, waitMs: number): Promise<'held' | 'timed out'> => {
        const client = await bare.connect();
        const id = String(lockKey('bare', key));
        try {
          await client.query(`set lock_timeout = ${waitMs}`);
          await client.query('select pg_advisory_lock($1)', [id]);
          await hold(HOLD_MS);
          await client.query('select pg_advisory_unlock($1)', [id]);
          return 'held';
        } catch (error) {
          if ((error as { code?: string }).code === '55P03') return 'timed out';
          throw error;
        } finally {
          client.release();
        }
      };

      let left = 0;
      for (let round = 0; left === 0 && round < 10; round += 1) {
        await storm(take, 1_000);
        left = await lockRows();
      }

      expect(left).toBeGreaterThan(0);
      await bare.end();
    },
  );
});
