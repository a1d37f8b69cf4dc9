import { getEventListeners } from 'node:events';
import { createDeferred, sleep } from '@holdfast/internal';
import {
  createFakeClock,
  createTestDatabase,
  type Pool,
  type TestDatabase,
} from '@holdfast/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Lease, LeaseEvents, LeaseOptions, Leases } from '../src/leases/lease-contract.ts';
import type { LeaseLostError, LeaseTimeoutError } from '../src/leases/lease-errors.ts';
import { leaseSchema } from '../src/leases/lease-schema.ts';
import { createLeases } from '../src/leases/leases.ts';
import type { PgPoolLike } from '../src/ports.ts';

let database: TestDatabase;
let pool: Pool;
let leases: Leases;

beforeAll(async () => {
  database = await createTestDatabase();
  pool = database.pool;
  for (const statement of leaseSchema()) await pool.query(statement);
  leases = createLeases({ pool, namespace: 'test' });
});
afterAll(() => database.close());

/** As if so much time had passed on the server. */
async function expire(lease: Lease): Promise<void> {
  await pool.query(`update holdfast_leases set expires_at = clock_timestamp() where key = $1`, [
    lease.key,
  ]);
}

async function rowOf(key: string): Promise<{ token: string; expired: boolean; holder: string }> {
  const { rows } = await pool.query<{ token: string; expired: boolean; holder: string }>(
    `select token, expires_at <= clock_timestamp() as expired, holder from holdfast_leases where key = $1`,
    [`test/${key}`],
  );
  return rows[0]!;
}

describe('acquire', () => {
  it('gives each lease of a key a greater token, also after a release', async () => {
    const tokens: bigint[] = [];
    for (let turn = 0; turn < 3; turn += 1) {
      await leases.withLease('turns', async ({ token }) => void tokens.push(token));
    }

    expect(tokens).toEqual([1n, 2n, 3n]);
  });

  it('takes one round trip when the row exists, and leaves no connection out of the pool', async () => {
    await leases.withLease('trip', async () => undefined);
    const texts: string[] = [];
    const counting: PgPoolLike = {
      async connect() {
        const client = await pool.connect();
        return new Proxy(client, {
          get(target, name) {
            if (name !== 'query') return Reflect.get(target, name, target) as unknown;
            return (text: string, values: unknown[]) => {
              texts.push(text);
              return target.query(text, values);
            };
          },
        });
      },
    };

    const lease = await createLeases({ pool: counting, namespace: 'test' }).acquireLease('trip');

    expect(texts).toHaveLength(1);
    expect(pool.idleCount).toBe(pool.totalCount);
    await lease.release();
  });

  it('says who holds it, and for how long still, when it is not free in time', async () => {
    const events: LeaseEvents['leaseTimeout'][] = [];
    const other = createLeases({
      pool,
      namespace: 'test',
      emit: (event, payload) => {
        if (event === 'leaseTimeout') events.push(payload as LeaseEvents['leaseTimeout']);
      },
    });
    const lease = await leases.acquireLease('busy', { holder: 'worker 1', ttlMs: 60_000 });

    const refused = (await other
      .acquireLease('busy', { wait: 'try' })
      .catch((error: unknown) => error)) as LeaseTimeoutError;
    const late = (await other
      .acquireLease('busy', { wait: 60 })
      .catch((error: unknown) => error)) as LeaseTimeoutError;

    expect(refused).toMatchObject({
      code: 'LOCK_TIMEOUT',
      name: 'LockTimeoutError',
      key: 'test/busy',
    });
    expect(refused.message).toContain('it is held by worker 1');
    expect(refused.stack).toContain(refused.message);
    expect(refused.holder).toMatchObject({ holder: 'worker 1', token: lease.token });
    expect(refused.holder?.remainingMs).toBeGreaterThan(0);
    expect(refused.holder?.remainingMs).toBeLessThanOrEqual(60_000);
    expect(refused.holder?.since).toBeInstanceOf(Date);
    expect(late.waitedMs).toBeGreaterThanOrEqual(60);
    expect(events.map(({ holder }) => holder?.holder)).toEqual(['worker 1', 'worker 1']);
    expect(other.snapshot()).toMatchObject({ timedOut: 2, waiting: 0, held: 0 });
    await lease.release();
  });

  it('gets it when it is released, or has expired', async () => {
    const first = await leases.acquireLease('next');
    const waiting = leases.acquireLease('next', { wait: 'forever' });
    await first.release();
    const second = await waiting;
    const waitingToo = leases.acquireLease('next', { wait: 'forever' });
    await expire(second);
    const third = await waitingToo;

    expect([first, second, third].map(({ token }) => token)).toEqual([1n, 2n, 3n]);
    expect(await second.release()).toBe(false);
    expect(await third.release()).toBe(true);
  });

  it('gives a new key to one contender', async () => {
    const tries = Array.from({ length: 16 }, () => leases.acquireLease('new', { wait: 'try' }));
    const settled = await Promise.allSettled(tries);
    const won = settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));

    expect(won).toHaveLength(1);
    await won[0]!.release();
  });

  it('gives an expired key to one contender', async () => {
    for (let round = 0; round < 20; round += 1) {
      const tries = Array.from({ length: 8 }, () =>
        leases.acquireLease('expired', { wait: 'try' }),
      );
      const settled = await Promise.allSettled(tries);
      const won = settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));

      expect(won.map(({ token }) => token)).toEqual([BigInt(round + 1)]);
      await expire(won[0]!);
      await won[0]!.release();
    }
  });

  it('ends a wait at once when the signal aborts, and holds no connection meanwhile', async () => {
    const lease = await leases.acquireLease('abort');
    const aborting = new AbortController();
    const reason = new Error('enough');
    const waiting = leases.acquireLease('abort', { wait: 'forever', signal: aborting.signal });
    while (leases.snapshot().waiting === 0 || pool.idleCount < pool.totalCount) await sleep(1);
    aborting.abort(reason);

    await expect(waiting).rejects.toBe(reason);
    expect(getEventListeners(aborting.signal, 'abort')).toHaveLength(0);
    await lease.release();
    await leases.idle();
    expect(await rowOf('abort')).toMatchObject({ expired: true });
    expect(leases.snapshot()).toMatchObject({ waiting: 0 });
  });

  it('gives back what an acquire gets after it was aborted', async () => {
    const aborting = new AbortController();
    const waiting = leases.acquireLease('orphan', { signal: aborting.signal, ttlMs: 60_000 });
    aborting.abort(new Error('enough'));

    await expect(waiting).rejects.toThrow('enough');
    await leases.idle();
    const next = await leases.acquireLease('orphan', { wait: 'try' });
    await next.release();
  });

  it('keeps the keys of two namespaces, and two tables, apart', async () => {
    for (const statement of leaseSchema({ schema: 'more "leases"', table: "o'ther" })) {
      await pool.query(statement);
      await pool.query(statement);
    }
    const others = [
      createLeases({ pool, namespace: 'other' }),
      createLeases({ pool, namespace: 'test', schema: 'more "leases"', table: "o'ther" }),
    ];
    const all = [leases, ...others];

    const held = await Promise.all(all.map((one) => one.acquireLease(['a', 'b'], { wait: 'try' })));

    expect(held.map(({ key }) => key)).toEqual(['test/a/b', 'other/a/b', 'test/a/b']);
    await Promise.all(held.map((lease) => lease.release()));
  });
});

describe('withLease', () => {
  it('resolves with what the function resolves with, and has released the lease then', async () => {
    const value = await leases.withLease('value', async () => 7, { holder: 'me' });

    expect(value).toBe(7);
    expect(await rowOf('value')).toEqual({ token: '1', expired: true, holder: 'me' });
    expect(leases.snapshot().held).toBe(0);
  });

  it('rejects with what the function throws, and has released the lease then', async () => {
    const failure = new Error('business');
    const failing = leases.withLease('failing', () => {
      throw failure;
    });

    await expect(failing).rejects.toBe(failure);
    expect(await rowOf('failing')).toMatchObject({ expired: true });
  });

  it('rejects with LOCK_LOST when the lease was lost before the function resolved', async () => {
    let seen: unknown;
    const running = leases.withLease('lost', async (lease) => {
      await expire(lease);
      await lease.renew().catch((error: unknown) => (seen = error));
      return 'done';
    });

    await expect(running).rejects.toMatchObject({
      code: 'LOCK_LOST',
      name: 'LockLostError',
      reason: 'taken',
    });
    expect(seen).toBe(await running.catch((error: unknown) => error));
    await leases.idle();
  });

  it('rejects with LOCK_LOST also when the function fails because of it, and keeps its error', async () => {
    const failure = new Error('business');
    const running = leases.withLease('lost too', async (lease) => {
      await expire(lease);
      await lease.renew().catch(() => undefined);
      throw failure;
    });

    await expect(running).rejects.toMatchObject({ code: 'LOCK_LOST', cause: failure });
    await leases.idle();
  });

  it('lets the function release the lease', async () => {
    const value = await leases.withLease('early', async (lease) => {
      expect(await lease.release()).toBe(true);
      expect(() => lease.assertHeld()).toThrow('has been released');
      return lease.remainingMs();
    });

    expect(value).toBe(0);
  });

  it('never masks what the function does when the release fails, and tells of it', async () => {
    const own = database.createPool({ max: 2 });
    const failures: unknown[] = [];
    const some = createLeases({
      pool: own,
      namespace: 'test',
      emit: (event, payload) => {
        if (event === 'leaseReleaseFailed') failures.push(payload);
      },
    });
    const value = await some.withLease('unreleased', async () => {
      await own.end();
      return 'done';
    });
    const failing = some.withLease('unreleased', async () => undefined, { wait: 'try' });

    expect(value).toBe('done');
    expect(failures).toHaveLength(1);
    await expect(failing).rejects.toThrow('Cannot use a pool after calling end');
  });

  it('rejects a call inside of itself instead of waiting for itself', async () => {
    const inner = leases.withLease('self', () => leases.withLease('self', async () => 1));

    await expect(inner).rejects.toMatchObject({ code: 'LOCK_REENTRY', key: 'test/self' });
    await leases.withLease('self', () => leases.withLease('other', async () => 1));
  });

  it("aborts the lease's signal with the caller's reason, and keeps the lease until the function has settled", async () => {
    const aborting = new AbortController();
    const value = await leases.withLease(
      'caller',
      async (lease) => {
        aborting.abort('enough');
        expect(lease.signal.reason).toBe('enough');
        lease.assertHeld();
        return 'tidied up';
      },
      { signal: aborting.signal },
    );

    expect(value).toBe('tidied up');
    expect(getEventListeners(aborting.signal, 'abort')).toHaveLength(0);
  });

  it('disposes of a handle that is declared with await using', async () => {
    {
      await using lease = await leases.acquireLease('using');
      expect(lease.remainingMs()).toBeGreaterThan(0);
    }

    expect(await rowOf('using')).toMatchObject({ expired: true });
  });
});

describe('renew', () => {
  it('keeps a lease for many times its ttl, and nobody else gets it', async () => {
    const held = createDeferred<Lease>();
    const running = leases.withLease(
      'long',
      async (lease) => {
        held.resolve(lease);
        await sleep(2_000);
        lease.assertHeld();
      },
      { ttlMs: 500 },
    );
    const { token } = await held.promise;
    const other = leases.acquireLease('long', { wait: 1_500 });

    await expect(other).rejects.toMatchObject({ code: 'LOCK_TIMEOUT', holder: { token } });
    await running;
    expect(leases.snapshot().renewed).toBeGreaterThan(2);
  });

  it('is a HOT update', async () => {
    const lease = await leases.acquireLease('hot', { renew: false });
    const updates = async (): Promise<{ all: number; hot: number }> => {
      await pool.query(`select pg_stat_force_next_flush()`);
      const { rows } = await pool.query<{ all: number; hot: number }>(`
        select n_tup_upd::int as all, n_tup_hot_upd::int as hot from pg_stat_user_tables
        where relname = 'holdfast_leases' and schemaname = 'public'`);
      return rows[0]!;
    };
    // The numbers of a session reach the table of all when it is idle for a moment.
    const settled = async (atLeast: number): Promise<{ all: number; hot: number }> => {
      let seen = await updates();
      while (seen.all < atLeast) {
        await sleep(50);
        seen = await updates();
      }
      return seen;
    };
    const before = await updates();
    for (let turn = 0; turn < 300; turn += 1) await lease.renew();
    const after = await settled(before.all + 300);

    expect(after.hot - before.hot).toBe(after.all - before.all);
    await lease.release();
  });

  it('does not bring a lease back that has expired or was released', async () => {
    const lease = await leases.acquireLease('dead', { renew: false });
    await expire(lease);

    await expect(lease.renew()).rejects.toMatchObject({ code: 'LOCK_LOST', reason: 'taken' });
    expect(lease.signal.aborted).toBe(true);
    await expect(lease.renew()).rejects.toBe(lease.signal.reason);
    expect(await rowOf('dead')).toMatchObject({ expired: true });
    await lease.release();
  });
});

describe('the end of the trust', () => {
  it('comes by the clock of the holder alone, before any timer runs', async () => {
    const clock = createFakeClock();
    const some = createLeases({ pool, namespace: 'test', clock });
    let nowMs = 0;
    const frozen = createLeases({
      pool,
      namespace: 'test',
      clock: { ...clock, now: () => nowMs },
    });
    const lease = await frozen.acquireLease('frozen', { ttlMs: 1_000 });
    expect(lease.remainingMs()).toBe(985);
    nowMs = 985;

    expect(lease.signal.aborted).toBe(false);
    expect(() => lease.assertHeld()).toThrow('was not renewed in time');
    expect(lease.signal.reason).toMatchObject({
      code: 'LOCK_LOST',
      reason: 'expired',
    } satisfies Partial<LeaseLostError>);
    await lease.release();
    const other = await some.acquireLease('frozen', { wait: 'try' });
    await other.release();
  });
});

describe('wrong use', () => {
  it.each<[LeaseOptions, ErrorConstructor, string]>([
    [{ ttlMs: 99 }, RangeError, 'ttlMs must be an integer from 100 to 2147483647, got 99'],
    [{ ttlMs: 1.5 }, RangeError, 'ttlMs must be an integer'],
    [{ wait: -1 }, RangeError, "wait, unless 'forever' or 'try', must be an integer from 1"],
    [
      { wait: 'never' as 'try' },
      TypeError,
      'wait, unless milliseconds, must be one of forever, try',
    ],
    [{ renew: 1 as unknown as boolean }, TypeError, 'renew must be a boolean, got 1'],
    [{ maxHoldMs: 0 }, RangeError, 'maxHoldMs must be an integer of at least 1, got 0'],
    [{ holder: '' }, TypeError, 'holder must be a non-empty string'],
    [{ holder: 'a\u0000' }, TypeError, 'holder must not hold a NUL character'],
    [
      { requestTimeoutMs: 200, ttlMs: 100 },
      RangeError,
      'requestTimeoutMs must be an integer from 1 to 100',
    ],
    [{ signal: {} as AbortSignal }, TypeError, 'signal.aborted must be a boolean, got undefined'],
    [{ ttl: 5 } as LeaseOptions, TypeError, 'ttl is not an option of withLease'],
  ])('throws at once for %j', (options, kind, message) => {
    const call = (): unknown => leases.withLease('wrong', async () => undefined, options);

    expect(call).toThrow(kind);
    expect(call).toThrow(message);
  });

  it('throws at once for a wrong key, function or option of the leases', () => {
    expect(() => leases.withLease('', async () => undefined)).toThrow(TypeError);
    expect(() => leases.withLease([], async () => undefined)).toThrow(TypeError);
    expect(() => leases.withLease('a', 5 as never)).toThrow('fn must be a function, got 5');
    expect(() => leases.acquireLease('a', { ttlMs: 1 })).toThrow(RangeError);
    expect(() => createLeases({ pool, namespace: '' })).toThrow(TypeError);
    expect(() => createLeases({ pool: {} as PgPoolLike, namespace: 'a' })).toThrow(
      'pool.connect must be a function',
    );
    expect(() => createLeases({ pool, namespace: 'a', table: '' })).toThrow(TypeError);
    expect(() => leaseSchema({ table: 'a\u0000' })).toThrow(TypeError);
  });

  it('says how to make the table when there is none', async () => {
    const some = createLeases({ pool, namespace: 'test', table: 'missing' });
    const failing = some.withLease('a', async () => undefined);

    await expect(failing).rejects.toMatchObject({
      code: 'LEASE_TABLE_MISSING',
      table: '"missing"',
    });
    await expect(failing).rejects.toThrow('leaseSchema()');
    expect(pool.idleCount).toBe(pool.totalCount);
  });
});
