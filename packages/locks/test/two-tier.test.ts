import { getEventListeners } from 'node:events';
import { createDeferred, sleep } from '@holdfast/internal';
import {
  createTestDatabase,
  createTestRedis,
  startRedisServer,
  type Pool,
  type ServerProcess,
  type TestDatabase,
  type TestRedis,
} from '@holdfast/testkit';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Lease, LeaseOptions, Leases } from '../src/leases/lease-contract.ts';
import { leaseSchema } from '../src/leases/lease-schema.ts';
import { createLeases } from '../src/leases/leases.ts';
import { createTwoTier } from '../src/two-tier/two-tier.ts';
import type { RedisLike, TwoTierLocks, TwoTierOptions } from '../src/two-tier/two-tier-contract.ts';

type Client = RedisLike & {
  get(key: string): Promise<string | null>;
  pttl(key: string): Promise<number>;
};

let database: TestDatabase;
let pool: Pool;
let shared: TestRedis;
let client: Client;
let leases: Leases;
/** How many leases were asked for in Postgres. */
let asked = 0;
let locks: TwoTierLocks;

beforeAll(async () => {
  database = await createTestDatabase();
  shared = await createTestRedis();
  pool = database.createPool({ max: 10 });
  client = shared.createClient();
  for (const statement of leaseSchema()) await pool.query(statement);
  const real = createLeases({ pool, namespace: 'test' });
  leases = {
    ...real,
    hold<T>(...args: Parameters<Leases['hold']>): Promise<T> {
      asked += 1;
      return real.hold(...args) as Promise<T>;
    },
  };
});
beforeEach(() => {
  locks = lockWith(client);
  asked = 0;
});
afterAll(async () => {
  await shared.close();
  await database.close();
});

function lockWith(redis: RedisLike, redisTimeoutMs = 1_000): TwoTierLocks {
  return createTwoTier({ leases, redis, namespace: 'test', prefix: shared.prefix, redisTimeoutMs });
}

function gateOf(key: string): string {
  return `${shared.prefix}test/${key}`;
}

/** Runs `meanwhile` while somebody holds the lock. */
async function holding<T>(
  key: string,
  meanwhile: (lease: Lease) => Promise<T>,
  { by = locks, ...options }: TwoTierOptions & { readonly by?: TwoTierLocks } = {},
): Promise<T> {
  const held = createDeferred<Lease>();
  const done = createDeferred<void>();
  const running = by.withTwoTierLock(
    key,
    async (lease) => {
      held.resolve(lease);
      await done.promise;
    },
    options,
  );
  running.catch((error: unknown) => held.reject(error));
  try {
    return await meanwhile(await held.promise);
  } finally {
    done.resolve();
    await running;
  }
}

const nothing = async (): Promise<void> => undefined;

describe('withTwoTierLock', () => {
  it('gives the lease of Postgres behind a key of Redis, and ends both', async () => {
    const tokens: bigint[] = [];
    for (let turn = 0; turn < 2; turn += 1) {
      await locks.withTwoTierLock(
        'both',
        async ({ token }) => {
          tokens.push(token);
          expect(await client.get(gateOf('both'))).toMatch(/^[-0-9a-f]{36} me$/);
          const ttlMs = await client.pttl(gateOf('both'));
          expect(ttlMs).toBeGreaterThan(0);
          expect(ttlMs).toBeLessThanOrEqual(5_000);
        },
        { ttlMs: 5_000, holder: 'me' },
      );
      expect(await client.get(gateOf('both'))).toBeNull();
    }

    expect(tokens).toEqual([1n, 2n]);
    expect(locks.snapshot()).toEqual({ admitted: 2, shed: 0, redisDown: 0 });
  });

  it('is refused by Redis without a question to Postgres, and names the holder', async () => {
    await holding(
      'shed',
      async () => {
        asked = 0;
        const refused = locks.withTwoTierLock('shed', nothing, { wait: 'try' });
        await expect(refused).rejects.toMatchObject({
          code: 'LOCK_TIMEOUT',
          holder: { holder: 'me' },
        });
        const late = locks.withTwoTierLock('shed', nothing, { wait: 200 });
        await expect(late).rejects.toMatchObject({
          code: 'LOCK_TIMEOUT',
          holder: { holder: 'me' },
        });
      },
      { holder: 'me' },
    );

    expect(asked).toBe(0);
    expect(locks.snapshot().shed).toBeGreaterThan(2);
  });

  it('goes to a waiting contender when it is given back', async () => {
    const order: string[] = [];
    const second = holding('next', async () => {
      const waiting = locks.withTwoTierLock('next', async () => void order.push('second'), {
        wait: 'forever',
      });
      await untilShed();
      order.push('first');
      return { waiting };
    });
    await (
      await second
    ).waiting;

    expect(order).toEqual(['first', 'second']);
  });

  it('ends a wait at once when the signal aborts', async () => {
    const aborting = new AbortController();
    await holding('abort', async () => {
      const waiting = locks.withTwoTierLock('abort', nothing, { signal: aborting.signal });
      await untilShed();
      aborting.abort('enough');
      await expect(waiting).rejects.toBe('enough');
    });

    expect(getEventListeners(aborting.signal, 'abort')).toHaveLength(0);
  });

  it('rejects with what the function throws, and ends both', async () => {
    const failure = new Error('business');
    const failing = locks.withTwoTierLock('failing', () => Promise.reject(failure));

    await expect(failing).rejects.toBe(failure);
    await locks.withTwoTierLock('failing', nothing, { wait: 'try' });
  });

  it('renews both', async () => {
    const renewedBoth = async (): Promise<void> => {
      const before = await ends();
      for (let now = before; now[0] <= before[0] || now[1] <= before[1];) now = await ends();
    };
    /** When the key of Redis and the row of Postgres end, by the clock of the server. */
    const ends = async (): Promise<readonly [number, number]> => {
      const { rows } = await pool.query<{ at: number }>(
        `select extract(epoch from expires_at)::float8 as at from holdfast_leases where key like '%renewed'`,
      );
      return [Number(await client.call('PEXPIRETIME', gateOf('renewed'))), rows[0]!.at];
    };
    await holding(
      'renewed',
      async (lease) => {
        for (let turn = 0; turn < 4; turn += 1) await renewedBoth();
        lease.assertHeld();
      },
      { ttlMs: 900 },
    );
  });

  it('rejects a call inside of itself instead of waiting for itself', async () => {
    const inner = locks.withTwoTierLock('self', () => locks.withTwoTierLock('self', nothing));

    await expect(inner).rejects.toMatchObject({ code: 'LOCK_REENTRY' });
  });

  it('excludes, and is excluded by, a lease of Postgres alone, and gives the key back', async () => {
    const lease = await leases.acquireLease('alone');
    const refused = locks.withTwoTierLock('alone', nothing, { wait: 50 });

    await expect(refused).rejects.toMatchObject({
      code: 'LOCK_TIMEOUT',
      holder: { token: lease.token },
    });
    await untilNull(gateOf('alone'));
    await lease.release();
  });

  it('never deletes the key of somebody else', async () => {
    await holding('theirs', async () => {
      await client.call('SET', gateOf('theirs'), 'theirs');
    });

    expect(await client.get(gateOf('theirs'))).toBe('theirs');
  });
});

describe('a Redis that has lost its data', () => {
  it('lets contenders through to Postgres, which refuses them', async () => {
    await holding('lost', async (lease) => {
      await client.call('DEL', gateOf('lost'));
      const refused = locks.withTwoTierLock('lost', nothing, { wait: 'try' });

      await expect(refused).rejects.toMatchObject({
        code: 'LOCK_TIMEOUT',
        holder: { token: lease.token },
      });
      expect(locks.snapshot()).toMatchObject({ admitted: 2, shed: 0 });
      await untilNull(gateOf('lost'));
    });
  });

  it('has the key again after the next renewal', async () => {
    await holding(
      'again',
      async () => {
        const before = await client.get(gateOf('again'));
        await client.call('DEL', gateOf('again'));
        let after: string | null = null;
        while (after === null) after = await client.get(gateOf('again'));
        expect(after).toBe(before);
      },
      { ttlMs: 600 },
    );
  });
});

describe('a Redis that is down', () => {
  let server: ServerProcess;
  let clients: Redis[];

  beforeAll(async () => {
    server = await startRedisServer();
  });
  beforeEach(() => {
    clients = [];
  });
  afterEach(async () => {
    for (const one of clients) one.disconnect();
    server.thaw();
    await server.start();
  });
  afterAll(() => server.close());

  /** With the defaults of ioredis: commands wait in its queue until it is connected again. */
  function connect(): Client {
    const one = new Redis(server.url, { replyMapping: 'legacy' });
    one.on('error', () => undefined);
    clients.push(one);
    return one;
  }

  it.each(['frozen', 'killed'] as const)(
    'is passed by when it is %s, and Postgres excludes',
    async (how) => {
      const redis = connect();
      await redis.call('PING');
      const some = lockWith(redis, 50);
      if (how === 'frozen') await server.freeze();
      else await server.kill();

      await holding(
        'down',
        async (lease) => {
          const refused = some.withTwoTierLock('down', nothing, { wait: 50 });
          await expect(refused).rejects.toMatchObject({
            code: 'LOCK_TIMEOUT',
            holder: { token: lease.token },
          });
        },
        { by: some },
      );
      expect(some.snapshot().admitted).toBe(0);
      expect(some.snapshot().redisDown).toBeGreaterThanOrEqual(2);
    },
  );

  it('rejects when redisDown is fail, and asks Postgres nothing', async () => {
    const redis = connect();
    await redis.call('PING');
    await server.kill();
    asked = 0;
    const failing = lockWith(redis, 50).withTwoTierLock('fail', nothing, { redisDown: 'fail' });

    await expect(failing).rejects.toMatchObject({
      name: 'RedisUnavailableError',
      code: 'REDIS_UNAVAILABLE',
      cause: { code: 'REDIS_TIMEOUT' },
    });
    expect(asked).toBe(0);
  });

  it('keeps no key of a call that it did not answer in time', async () => {
    const redis = connect();
    await redis.call('PING');
    await server.freeze();
    await lockWith(redis, 50).withTwoTierLock('late', nothing, { ttlMs: 60_000 });
    server.thaw();
    await redis.call('PING');

    expect(await redis.get(gateOf('late'))).toBeNull();
  });

  it('comes back while the lock is held, and sheds contenders again', async () => {
    const redis = connect();
    const some = lockWith(redis, 50);
    await server.kill();
    await holding(
      'back',
      async () => {
        await server.start();
        while ((await redis.get(gateOf('back'))) === null) await sleep(10);
        await expect(some.withTwoTierLock('back', nothing, { wait: 'try' })).rejects.toMatchObject({
          code: 'LOCK_TIMEOUT',
        });
        expect(some.snapshot().shed).toBe(1);
      },
      { by: some, ttlMs: 1_000 },
    );
  });
});

describe('exclusion while Redis forgets everything all the time', () => {
  let isFlushing = false;

  /** Forgets the key of the lock as often as it can. */
  async function flush(key: string): Promise<void> {
    while (isFlushing) {
      await client.call('DEL', gateOf(key));
      await sleep(0);
    }
  }

  /** How often two contenders were inside at the same time. */
  async function contend(
    key: string,
    enter: (fn: () => Promise<void>) => Promise<void>,
  ): Promise<number> {
    let inside = 0;
    let overlaps = 0;
    isFlushing = true;
    const flushing = flush(key);
    const contenders = Array.from({ length: 4 }, async () => {
      for (let turn = 0; turn < 10; turn += 1) {
        await enter(async () => {
          inside += 1;
          if (inside > 1) overlaps += 1;
          await sleep(3);
          inside -= 1;
        });
      }
    });
    await Promise.all(contenders);
    isFlushing = false;
    await flushing;
    return overlaps;
  }

  it('is kept', async () => {
    const overlaps = await contend('flushed', (fn) =>
      locks.withTwoTierLock('flushed', fn, { wait: 'forever' }),
    );

    expect(overlaps).toBe(0);
  });

  it('is not kept by Redis alone (negative control)', async () => {
    const overlaps = await contend('alone', async (fn) => {
      while ((await client.call('SET', gateOf('alone'), 'x', 'PX', 5_000, 'NX')) === null)
        await sleep(1);
      await fn();
      await client.call('DEL', gateOf('alone'));
    });

    expect(overlaps).toBeGreaterThan(0);
  });
});

describe('wrong use', () => {
  it.each([
    [{ redisDown: 'ignore' as 'fail' }, 'redisDown must be one of postgres, fail, got "ignore"'],
    [{ ttlMs: 1 }, 'ttlMs must be an integer from 100'],
    [{ down: 1 } as LeaseOptions, 'down is not an option of withTwoTierLock'],
  ])('throws at once for %j', (options, message) => {
    expect(() => locks.withTwoTierLock('a', nothing, options)).toThrow(message);
  });

  it('throws at once for a wrong key, function or option of the locks', () => {
    const good = { leases, redis: client, namespace: 'test' };

    expect(() => locks.withTwoTierLock('', nothing)).toThrow(TypeError);
    expect(() => locks.withTwoTierLock('a', 1 as never)).toThrow('fn must be a function');
    expect(() => createTwoTier({ ...good, redis: {} as RedisLike })).toThrow(
      'redis.call must be a function',
    );
    expect(() => createTwoTier({ ...good, redisTimeoutMs: 0 })).toThrow(RangeError);
    expect(() => createTwoTier({ ...good, prefix: '' })).toThrow(TypeError);
    expect(() => createTwoTier({ ...good, namespace: '' })).toThrow(TypeError);
  });
});

/** Until a contender of this test has been refused by Redis: it waits. */
async function untilShed(): Promise<void> {
  while (locks.snapshot().shed === 0) await sleep(1);
}

async function untilNull(key: string): Promise<void> {
  while ((await client.get(key)) !== null) await sleep(1);
}
