import { setTimeout as delay } from 'node:timers/promises';
import { seededRandom } from '@holdfast/internal';
import { createFakeClock, createTestRedis, testSeed } from '@holdfast/testkit';
import { expect, it } from 'vitest';
import { memoryBreakerStore } from '../../src/shared/memory-breaker-store.ts';
import { redisBreakerStore } from '../../src/shared/redis-breaker-store.ts';
import { describeClockSteps } from './clock-contract.ts';

/** A steady clock, and one that can be set. */
function createSteppedClock() {
  const steady = createFakeClock({ startMs: 1_000_000 });
  let offsetMs = 0;
  return {
    steady,
    clock: { ...steady, now: () => steady.now() + offsetMs },
    step(this: void, ms: number): void {
      offsetMs += ms;
    },
  };
}

describeClockSteps('memoryBreakerStore', () => {
  const { steady, clock, step } = createSteppedClock();
  return Promise.resolve({
    store: memoryBreakerStore({ clock }),
    pass: (ms) => steady.advance(ms),
    setBack(_circuit, ms) {
      step(-ms);
      return Promise.resolve();
    },
    close: () => Promise.resolve(),
  });
});

describeClockSteps('redisBreakerStore', async () => {
  const redis = await createTestRedis();
  const client = redis.createClient();
  await client.ping();
  return {
    store: redisBreakerStore(client, { prefix: redis.prefix }),
    // Its clock counts whole milliseconds.
    pass: (ms) => delay(ms + 2),
    // The clock of a server that others use stays as it is: all moments that were written by it are put off instead.
    async setBack(circuit, ms) {
      const tag = `${redis.prefix}{${circuit}}`;
      for (const field of ['ends', 'since']) {
        const written = Number(await client.hget(`${tag}:state`, field));
        if (written > 0) await client.hset(`${tag}:state`, { [field]: written + ms });
      }
      for (const set of ['members', 'votes', 'leases']) {
        for (const entry of await client.zrange(`${tag}:${set}`, '0', '-1')) {
          await client.zincrby(`${tag}:${set}`, ms, entry);
        }
      }
    },
    close: () => redis.close(),
  };
});

const LEASE_MS = 1_000;
const CONCURRENT = 2;

/**
 * The most leases that were out at once by a steady clock, in a half-open round with steps of the store's clock; and
 * whether there was a place again one lease after the last report.
 */
async function runRound(
  random: () => number,
  stepMs: () => number,
): Promise<{ readonly most: number; readonly isFree: boolean }> {
  const { steady, clock, step } = createSteppedClock();
  const store = memoryBreakerStore({ clock });
  const report = { member: 'm', liveMs: 3_000, quorum: 'any', openMs: 100 } as const;
  const { version } = await store.sync('x', { ...report, voteMs: 1_000, expectedVersion: 0 });
  await steady.advance(100);
  const lease = async (token: string): Promise<boolean> => {
    const request = { token, leaseMs: LEASE_MS, expectedVersion: version };
    const limits = { probes: 1_000, concurrent: CONCURRENT };
    return (await store.lease('x', { ...request, ...limits })).isGranted;
  };
  const sync = () => store.sync('x', { ...report, voteMs: 0, expectedVersion: version });
  const out = new Map<string, number>();
  let most = 0;
  for (let n = 0; n < 200; n += 1) {
    const [token] = out.keys();
    const draw = random();
    if (draw < 0.5) {
      if (await lease(`t${n}`)) out.set(`t${n}`, steady.now() + LEASE_MS);
    } else if (draw < 0.6 && token !== undefined) {
      const result = { token, expectedVersion: version, verdict: 'ignore' } as const;
      await store.settle('x', { ...result, probes: 1_000, maxFailures: 0, openMs: 1 });
      out.delete(token);
    } else if (draw < 0.7) {
      await sync();
    } else if (draw < 0.8) step(stepMs());
    else await steady.advance(Math.ceil(300 * random()));
    for (const [held, endsMs] of out) if (endsMs <= steady.now()) out.delete(held);
    most = Math.max(most, out.size);
  }
  await sync();
  await steady.advance(LEASE_MS);
  return { most, isFree: await lease('last') };
}

it('frees a place when the lease on it has ended by a steady clock and not before, however its own is set back', async () => {
  const random = seededRandom(testSeed());
  let most = 0;

  for (let run = 0; run < 100; run += 1) {
    const round = await runRound(random, () => -Math.ceil(5_000 * random()));
    most = Math.max(most, round.most);
    expect(round.isFree, `run ${run}`).toBe(true);
  }

  expect(most).toBe(CONCURRENT);
});

it('negative control: a clock that is set forward ends leases early', async () => {
  const random = seededRandom(testSeed());
  let most = 0;

  for (let run = 0; run < 100; run += 1) {
    const round = await runRound(random, () => Math.ceil(5_000 * random()));
    most = Math.max(most, round.most);
  }

  expect(most).toBeGreaterThan(CONCURRENT);
});
