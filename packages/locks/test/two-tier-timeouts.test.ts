import {
  createTestDatabase,
  createTestRedis,
  type TestDatabase,
  type TestRedis,
} from '@holdfast/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createLocks, leaseSchema, type Locks, type LocksEvents } from '../src/index.ts';
import type { RedisLike } from '../src/two-tier/two-tier-contract.ts';

let database: TestDatabase;
let shared: TestRedis;

beforeAll(async () => {
  database = await createTestDatabase();
  shared = await createTestRedis();
  for (const statement of leaseSchema()) await database.pool.query(statement);
});
afterAll(async () => {
  await shared.close();
  await database.close();
});

function locksOf(holder: string): Locks {
  const client: RedisLike = shared.createClient();
  const redis = { client, prefix: shared.prefix, timeoutMs: 1_000 };
  return createLocks({ db: database.pool, namespace: 'test', redis, leases: { holder } });
}

it.each(['try', 200] as const)(
  'a wait of %s that Redis ends names the holder, is counted and told',
  async (wait) => {
    const contender = locksOf('contender');
    const told: LocksEvents['leaseTimeout'][] = [];
    contender.on('leaseTimeout', (event) => told.push(event));

    const refused: unknown = await locksOf('owner').withTwoTierLock('busy', () =>
      contender
        .withTwoTierLock('busy', () => Promise.resolve(), { wait })
        .catch((error: unknown) => error),
    );

    const holder = { holder: 'owner', remainingMs: expect.any(Number) as number };
    expect(refused).toMatchObject({ code: 'LOCK_TIMEOUT', holder });
    expect((refused as Error).message).toMatch(
      /^lease test\/busy was not free after \d+ ms; it is held by owner$/,
    );
    expect(told).toMatchObject([{ key: 'test/busy', holder }]);
    expect(contender.snapshot().leases).toMatchObject({ timedOut: 1, held: 0, waiting: 0 });
  },
);
