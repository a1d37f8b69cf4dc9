import { AsyncLocalStorage } from 'node:async_hooks';
import { getEventListeners } from 'node:events';
import type { Clock } from '@holdfast/internal';
import { createFakeClock, testSeed } from '@holdfast/testkit';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { remaining, withDeadline } from '../src/deadline.ts';
import type { RateLimiterOptions } from '../src/rate-limiter/options.ts';
import { rateLimiter } from '../src/rate-limiter/rate-limiter.ts';

function setUp(options: Partial<RateLimiterOptions> = {}) {
  const clock = createFakeClock();
  const policy = rateLimiter({ name: 'api', permits: 2, perMs: 1_000, clock, ...options });
  const started: number[] = [];
  const call = (signal?: AbortSignal): Promise<number> =>
    policy.execute(() => started.push(clock.now()), { signal });
  return { clock, policy, started, call };
}

describe('rate limiter', () => {
  it('L01 smooth: the seventh of seven waits 3 000 ms, the third of three more at 800 ms 3 700', async () => {
    const { clock, call, started } = setUp({
      permits: 1,
      perMs: 500,
      burst: 1,
      maxWaitMs: 60_000,
    });

    const calls = Array.from({ length: 7 }, () => call());
    await clock.advance(800);
    calls.push(call(), call(), call());
    await clock.advance(10_000);
    await Promise.all(calls);

    expect(started.slice(0, 7)).toEqual([0, 500, 1_000, 1_500, 2_000, 2_500, 3_000]);
    expect(started.slice(7).map((atMs) => atMs - 800)).toEqual([2_700, 3_200, 3_700]);
    expect(clock.pending()).toBe(0);
  });

  // Where the row was taken from, permits come in whole periods and the seventh waits 3 000 ms. Here they come evenly.
  it('L02 bursty: seven permits are 5 in advance, and are made up for one by one', async () => {
    const { clock, policy, call, started } = setUp({ maxWaitMs: 60_000 });

    const calls = Array.from({ length: 7 }, () => call());
    expect(policy.snapshot().gauges).toEqual({ inFlight: 2, queued: 5, available: -5 });
    await clock.advance(7_000);
    await call();
    await Promise.all(calls);

    expect(started).toEqual([0, 0, 500, 1_000, 1_500, 2_000, 2_500, 7_000]);
    expect(policy.snapshot().gauges).toEqual({ inFlight: 0, queued: 0, available: 1 });
  });

  it('L04 a rejection carries the time of the next permit', async () => {
    const { clock, policy, call } = setUp();
    const events: unknown[] = [];
    policy.on('reject', (event) => events.push(event));
    await Promise.all([call(), call()]);
    await clock.advance(200);

    const error: unknown = await call().catch((thrown: unknown) => thrown);

    expect(error).toMatchObject({
      name: 'RateLimitedError',
      code: 'RATE_LIMITED',
      message: 'rate limiter "api" has no permit, retry after 300 ms',
      policy: 'api',
      retryAfterMs: 300,
    });
    expect(events).toEqual([{ retryAfterMs: 300 }]);
    await clock.advance(299);
    await expect(call()).rejects.toMatchObject({ retryAfterMs: 1 });
    await clock.advance(1);
    await call();
    expect(policy.snapshot().counters).toEqual({
      calls: 5,
      succeeded: 3,
      failed: 0,
      rejected: 2,
      aborted: 0,
    });
  });

  it('admits a caller that waited for exactly as long as it was told, though thirds do not add up', async () => {
    const { clock, policy, call } = setUp({ permits: 3, burst: 1 });
    await clock.advance(1e9 + 1 / 3);

    for (let n = 0; n < 1_000; n += 1) {
      await call();
      const outcome = await policy.tryExecute(() => 1);
      const { retryAfterMs } = outcome.error as { retryAfterMs: number };
      await clock.advance(retryAfterMs);
    }

    expect(policy.snapshot().counters).toMatchObject({ succeeded: 1_000, rejected: 1_000 });
  });

  it('lets callers wait for up to maxWaitMs, with one timer, and rejects the next', async () => {
    const { clock, policy, call, started } = setUp({ maxWaitMs: 1_000 });
    const events: unknown[] = [];
    policy.on('queue', (event) => events.push(event));

    const calls = [call(), call(), call(), call()];
    await expect(call()).rejects.toMatchObject({ retryAfterMs: 1_500 });

    expect(clock.pending()).toBe(1);
    expect(events).toEqual([
      { depth: 1, waitMs: 500 },
      { depth: 2, waitMs: 1_000 },
    ]);
    await clock.advance(1_000);
    await Promise.all(calls);
    expect(started).toEqual([0, 0, 500, 1_000]);
    expect(clock.pending()).toBe(0);
  });

  it('does not begin a wait that would end after the deadline', async () => {
    const { clock, policy, call } = setUp({ maxWaitMs: 10_000 });
    await Promise.all([call(), call()]);

    const outcome = await policy.tryExecute(() => 1, { deadline: clock.now() + 499 });

    expect(outcome).toMatchObject({
      ok: false,
      error: { code: 'RATE_LIMITED', retryAfterMs: 500 },
    });
    expect(policy.snapshot().gauges.queued).toBe(0);
  });

  it.each([0, 1, 2])(
    'gives back the permit of waiter %i when it aborts: those behind it move up',
    async (which) => {
      const { clock, policy, call, started } = setUp({ permits: 1, maxWaitMs: 10_000 });
      const controller = new AbortController();
      const calls = [call()];
      for (let waiter = 0; waiter < 3; waiter += 1) {
        calls.push(call(waiter === which ? controller.signal : undefined));
      }
      await clock.advance(500);

      controller.abort('enough');
      await expect(calls[which + 1]).rejects.toBe('enough');
      void calls.splice(which + 1, 1);
      calls.push(call());
      await clock.advance(10_000);
      await Promise.all(calls);

      expect(started).toEqual([0, 1_000, 2_000, 3_000]);
      expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
      expect(clock.pending()).toBe(0);
      expect(policy.snapshot().counters).toMatchObject({ calls: 5, succeeded: 4, aborted: 1 });
    },
  );

  it('keeps no timer when the only one that waited has aborted', async () => {
    const { clock, call } = setUp({ permits: 1, maxWaitMs: 10_000 });
    const controller = new AbortController();
    await call();
    const waiting = call(controller.signal);

    controller.abort('enough');

    await expect(waiting).rejects.toBe('enough');
    expect(clock.pending()).toBe(0);
  });

  it('takes no permit for a caller whose signal cannot be listened to', async () => {
    const { policy, call } = setUp({ permits: 1, maxWaitMs: 10_000 });
    await call();
    const broken = Object.assign(new EventTarget(), {
      aborted: false,
      addEventListener: () => {
        throw new Error('no listeners here');
      },
    });

    await expect(call(broken as never)).rejects.toThrow('no listeners here');

    expect(policy.snapshot()).toMatchObject({
      counters: { calls: 2, succeeded: 1, failed: 1 },
      gauges: { queued: 0, available: 0 },
    });
  });

  it('counts failures, aborted work and calls that were aborted before', async () => {
    const { policy } = setUp({ permits: 10 });
    const controller = new AbortController();

    await policy.tryExecute(() => Promise.reject(new Error('down')));
    const aborted = policy.tryExecute(() => new Promise(() => undefined), {
      signal: controller.signal,
    });
    controller.abort();
    await aborted;
    await policy.tryExecute(() => 1, { signal: AbortSignal.abort() });

    expect(policy.snapshot()).toMatchObject({
      counters: { calls: 3, succeeded: 0, failed: 1, rejected: 0, aborted: 2 },
      gauges: { inFlight: 0, queued: 0, available: 8 },
    });
  });

  it('leaves no timer and no listener behind after 1 000 calls', async () => {
    const { clock, policy } = setUp({ permits: 1, perMs: 10, maxWaitMs: 10 });
    const { signal } = new AbortController();

    for (let n = 0; n < 1_000; n += 1) {
      const calls = [policy.execute(() => n, { signal }), policy.execute(() => n, { signal })];
      await clock.advance(20);
      await Promise.all(calls);
    }

    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
    expect(clock.pending()).toBe(0);
  });
});

describe('timers that are not exact', () => {
  /** Timers of this clock fire `offMs` after, or before, they are due. */
  function setUpInexact(offMs: number, options: Partial<RateLimiterOptions>) {
    const exact = createFakeClock();
    const clock: Clock = {
      ...exact,
      setTimer: (fn, ms, rest) => exact.setTimer(fn, Math.max(1, ms + offMs), rest),
    };
    const started: number[] = [];
    const policy = rateLimiter({ permits: 1, perMs: 100, maxWaitMs: 1e6, clock, ...options });
    for (let n = 0; n < 6; n += 1) void policy.execute(() => started.push(exact.now()));
    return { exact, started };
  }

  it('waits on when a timer fires early', async () => {
    const { exact, started } = setUpInexact(-0.9, { burst: 1 });

    await exact.advance(1_000);

    started.forEach((atMs, index) => {
      expect(atMs).toBeGreaterThanOrEqual(index * 100 - 0.001);
    });
    expect(started).toHaveLength(6);
  });

  it('makes up for less than an interval, so that late timers cost no throughput', async () => {
    const { exact, started } = setUpInexact(7, { burst: 1 });

    await exact.advance(1_000);

    expect(started).toEqual([0, 107, 207, 307, 407, 507]);
  });

  it('sends no flood after the event loop was blocked', async () => {
    const { exact, started } = setUpInexact(350, { burst: 1 });

    await exact.advance(10_000);

    expect(new Set(started).size).toBe(6);
  });

  it('lets at most the burst through after the event loop was blocked', async () => {
    const { exact, started } = setUpInexact(350, { burst: 2 });

    await exact.advance(10_000);

    for (const atMs of started) {
      expect(started.filter((other) => other === atMs).length).toBeLessThanOrEqual(2);
    }
  });
});

it('admits exactly what a plain token bucket does, in order, under any traffic', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        // Powers of two: the reference compares exact times.
        intervalMs: fc.constantFrom(1, 2, 4, 8, 16),
        burst: fc.integer({ min: 1, max: 4 }),
        maxWaitMs: fc.constantFrom(0, 8, 1_000),
      }),
      fc.array(fc.record({ pauseMs: fc.nat(40), arrivals: fc.nat(3) }), { maxLength: 30 }),
      async ({ intervalMs, burst, maxWaitMs }, rounds) => {
        const clock = createFakeClock();
        const policy = rateLimiter({ permits: 1, perMs: intervalMs, burst, maxWaitMs, clock });
        const reference = createTokenBucket(intervalMs, burst);
        const expected: (number | undefined)[] = [];
        const actual: (number | undefined)[] = [];
        const calls: Promise<unknown>[] = [];

        for (const { pauseMs, arrivals } of rounds) {
          await clock.advance(pauseMs);
          for (let n = 0; n < arrivals; n += 1) {
            const index = expected.length;
            expected.push(reference.arrive(clock.now(), maxWaitMs));
            calls.push(policy.tryExecute(() => (actual[index] = clock.now())));
          }
        }
        await clock.advance(10_000);
        await Promise.all(calls);

        expect(Array.from(expected, (_, index) => actual[index])).toEqual(expected);
        expect(clock.pending()).toBe(0);
      },
    ),
    { numRuns: 500, seed: testSeed() },
  );
});

/** Keeps every admission: the n-th may come when the one `burst` before it is `burst` intervals old, or the bucket is full. */
function createTokenBucket(intervalMs: number, burst: number) {
  let tokens = burst;
  let atMs = 0;
  const advanceTo = (nowMs: number): void => {
    tokens = Math.min(burst, tokens + (nowMs - atMs) / intervalMs);
    atMs = nowMs;
  };
  return {
    /** When the call is admitted; undefined: it is rejected. */
    arrive(nowMs: number, maxWaitMs: number): number | undefined {
      if (nowMs > atMs) advanceTo(nowMs);
      const waitMs = Math.max(0, (1 - tokens) * intervalMs);
      if (waitMs > maxWaitMs) return undefined;
      tokens -= 1;
      return nowMs + waitMs;
    },
  };
}

const wrong: [unknown, string][] = [
  [null, 'options must be an object, got null'],
  [{ perMs: 1 }, 'permits must be an integer of at least 1, got undefined'],
  [{ permits: 1.5, perMs: 1 }, 'permits must be an integer of at least 1, got 1.5'],
  [{ permits: 1 }, 'perMs must be an integer of at least 1, got undefined'],
  [{ permits: 1, perMs: 0 }, 'perMs must be an integer of at least 1, got 0'],
  [{ permits: 1, perMs: 1, burst: 0 }, 'burst must be an integer of at least 1, got 0'],
  [
    { permits: 1, perMs: 1, maxWaitMs: -1 },
    'maxWaitMs must be a finite number of at least 0, got -1',
  ],
  [{ permits: 1, perMs: 1, name: 5 }, 'name must be a non-empty string, got 5'],
  [
    { permits: 1, perMs: 1, clock: null, burst: 'x' },
    'burst must be an integer of at least 1, got "x"',
  ],
  [{ permits: 1, perMs: 1, clock: 'now' }, 'clock must be an object, got a string'],
];

it.each(wrong)('refuses wrong options at once (%#)', (options, message) => {
  expect(() => rateLimiter(options as never)).toThrow(message);
});

describe('the asynchronous context of work that has waited', () => {
  const evenly = { permits: 1, perMs: 10, burst: 1, maxWaitMs: 1_000 };

  it('is that of its own caller, not of the call that has set the timer', async () => {
    const { clock, policy } = setUp(evenly);
    const user = new AsyncLocalStorage<string>();
    const order: string[] = [];
    const request = (name: string): Promise<string | undefined> =>
      user.run(name, () =>
        policy.execute(() => {
          order.push(name);
          return user.getStore();
        }),
      );

    const calls = Promise.all(['alice', 'bob', 'carol'].map(request));
    await clock.advance(20);

    expect(await calls).toEqual(['alice', 'bob', 'carol']);
    expect(order).toEqual(['alice', 'bob', 'carol']);
  });

  it('has the deadline of its own caller', async () => {
    const { clock, policy } = setUp(evenly);
    const request = (ms: number): Promise<number> =>
      withDeadline(ms, () => policy.execute(() => remaining(clock)), { clock });

    const calls = Promise.all([request(40), request(50), request(5_000)]);
    await clock.advance(20);

    expect(await calls).toEqual([40, 40, 4_980]);
  });
});
