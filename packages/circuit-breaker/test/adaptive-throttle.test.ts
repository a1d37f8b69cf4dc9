import { seededRandom } from '@holdfast/internal';
import { createFakeClock } from '@holdfast/testkit';
import { describe, expect, it } from 'vitest';
import { adaptiveThrottle } from '../src/adaptive-throttle/adaptive-throttle.ts';
import type { AdaptiveThrottleOptions } from '../src/adaptive-throttle/options.ts';
import { timeout } from '../src/timeout/timeout.ts';

function setUp(options: Partial<AdaptiveThrottleOptions> = {}) {
  const clock = createFakeClock();
  let draw = 0.999_999;
  const policy = adaptiveThrottle({ name: 'search', clock, random: () => draw, ...options });
  const setDraw = (next: number): void => void (draw = next);
  const succeed = async (count: number): Promise<void> => {
    for (let n = 0; n < count; n += 1) await policy.tryExecute(() => 1);
  };
  const fail = async (count: number): Promise<void> => {
    for (let n = 0; n < count; n += 1) {
      await policy.tryExecute(() => Promise.reject(new Error('overloaded')));
    }
  };
  return { clock, policy, succeed, fail, setDraw };
}

describe('adaptive throttle', () => {
  it('G06 after 100 requests and 20 accepts rejects with a probability of 60/101', async () => {
    const { policy, succeed, fail, setDraw } = setUp();
    const events: unknown[] = [];
    policy.on('reject', (event) => events.push(event));
    await succeed(20);
    await fail(80);

    const { probability } = policy.snapshot().gauges;
    expect(probability).toBeCloseTo(0.594, 2);
    setDraw(probability - 0.001);
    const outcome = await policy.tryExecute(() => 'never called');

    expect(outcome).toMatchObject({
      ok: false,
      error: {
        name: 'ThrottledError',
        code: 'THROTTLED',
        message: '"search" throttles 59 % of the calls for now',
        policy: 'search',
        probability,
      },
    });
    expect(events).toEqual([{ probability }]);
    // Rejected here counts as a request too.
    expect(policy.snapshot()).toEqual({
      name: 'search',
      kind: 'adaptive-throttle',
      counters: { calls: 101, succeeded: 20, failed: 80, ignored: 0, rejected: 1, aborted: 0 },
      gauges: {
        inFlight: 0,
        windowRequests: 101,
        windowAccepts: 20,
        probability: (101 - 40) / 102,
      },
    });
    setDraw(0.7);
    expect(await policy.execute(() => 'called')).toBe('called');
  });

  it('counts a request before the call, so that work that hangs is noticed', () => {
    const { policy } = setUp({ minimumCalls: 0 });

    for (let n = 0; n < 10; n += 1) void policy.execute(() => new Promise(() => undefined));

    expect(policy.snapshot().gauges).toMatchObject({
      inFlight: 10,
      windowRequests: 10,
      probability: 0.9,
    });
  });

  it('rejects nothing while at least one in k is accepted, or with too few calls', async () => {
    const half = setUp({ minimumCalls: 4 });
    await half.succeed(50);
    await half.fail(50);
    expect(half.policy.snapshot().gauges.probability).toBe(0);

    const few = setUp({ minimumCalls: 20 });
    await few.fail(19);
    expect(few.policy.snapshot().gauges.probability).toBe(0);
    await few.fail(1);
    expect(few.policy.snapshot().gauges.probability).toBe(0.9);
  });

  it('never rejects more than maxRejection, so that it goes on asking', async () => {
    const { policy, fail, setDraw } = setUp({ maxRejection: 0.5, minimumCalls: 0 });
    await fail(100);

    setDraw(0.5);

    expect(await policy.execute(() => 'asked')).toBe('asked');
  });

  it('forgets by time alone, each request together with its acceptance', async () => {
    const { clock, policy, succeed, fail } = setUp({ windowMs: 6_000 });
    await succeed(10);
    await clock.advance(3_000);
    await fail(30);
    expect(policy.snapshot().gauges).toMatchObject({ windowRequests: 40, windowAccepts: 10 });

    await clock.advance(3_000);
    expect(policy.snapshot().gauges).toMatchObject({ windowRequests: 30, windowAccepts: 0 });
    await clock.advance(3_000);

    expect(policy.snapshot().gauges).toMatchObject({ windowRequests: 0, probability: 0 });
    expect(clock.pending()).toBe(0);
  });

  it('does not count the acceptance of a request that is forgotten already', async () => {
    const { clock, policy } = setUp({ windowMs: 60 });
    let finish = (): void => undefined;
    const call = policy.execute(() => new Promise<void>((resolve) => (finish = resolve)));

    await clock.advance(1_000);
    policy.snapshot();
    finish();
    await call;

    expect(policy.snapshot().gauges).toMatchObject({ windowRequests: 0, windowAccepts: 0 });
  });

  it('counts what is to be ignored, and an abort by the caller, neither way', async () => {
    const { policy } = setUp({ classify: ({ ok }) => (ok ? undefined : { verdict: 'ignore' }) });
    const controller = new AbortController();

    await policy.tryExecute(() => Promise.reject(new Error('not found')));
    const aborted = policy.tryExecute(() => new Promise(() => undefined), {
      signal: controller.signal,
    });
    controller.abort();
    await aborted;
    await policy.tryExecute(() => 1, { signal: AbortSignal.abort() });

    expect(policy.snapshot()).toMatchObject({
      counters: { calls: 3, ignored: 2, aborted: 1 },
      gauges: { inFlight: 0, windowRequests: 0, windowAccepts: 0 },
    });
  });

  it('counts a timeout around it as not accepted', async () => {
    const { clock, policy } = setUp();
    const outer = timeout({ ms: 10, clock });

    const call = outer.tryExecute((context) =>
      policy.execute(() => new Promise(() => undefined), context),
    );
    await clock.advance(10);
    await call;

    expect(policy.snapshot()).toMatchObject({
      counters: { failed: 1, ignored: 0 },
      gauges: { windowRequests: 1, windowAccepts: 0 },
    });
  });

  it('takes a value that is judged a failure as not accepted, and returns it', async () => {
    const { policy } = setUp({
      classify: ({ value }) => (value === 503 ? { verdict: 'failure' } : undefined),
    });

    expect(await policy.execute(() => 503)).toBe(503);
    expect(policy.snapshot().gauges).toMatchObject({ windowRequests: 1, windowAccepts: 0 });
  });

  it('settles the call when a classifier throws', async () => {
    const { policy } = setUp({
      classify: () => {
        throw new Error('bug');
      },
    });

    const outcome = await policy.tryExecute(() => 1);

    expect(outcome.error).toBeInstanceOf(AggregateError);
    expect(policy.snapshot().gauges.inFlight).toBe(0);
  });

  it('lets an overloaded back end have about k times what it accepts (SRE book)', async () => {
    const random = seededRandom(7);
    const { clock, policy } = setUp({ random, windowMs: 10_000 });
    let reached = 0;
    // 100 calls a second, of which the back end accepts the first 20.
    for (let second = 0; second < 60; second += 1) {
      let left = 20;
      if (second === 30) reached = 0;
      for (let n = 0; n < 100; n += 1) {
        await policy.tryExecute(() => {
          reached += 1;
          left -= 1;
          if (left < 0) throw new Error('overloaded');
        });
      }
      await clock.advance(1_000);
    }

    expect(reached / 30).toBeGreaterThan(30);
    expect(reached / 30).toBeLessThan(50);
  });
});

const wrong: [unknown, string][] = [
  [5, 'options must be an object, got 5'],
  [{ name: '' }, 'name must be a non-empty string, got ""'],
  [{ k: 0.9 }, 'k must be a finite number of at least 1, got 0.9'],
  [{ windowMs: 0 }, 'windowMs must be an integer of at least 1, got 0'],
  [{ maxRejection: 1.1 }, 'maxRejection must be a finite number from 0 to 1, got 1.1'],
  [{ minimumCalls: -1 }, 'minimumCalls must be an integer of at least 0, got -1'],
  [{ classify: 5 }, 'classify must be a function, got 5'],
  [{ clock: 5 }, 'clock must be an object, got 5'],
  [{ random: 5 }, 'random must be a function, got 5'],
];

it.each(wrong)('refuses wrong options at once (%#)', (options, message) => {
  expect(() => adaptiveThrottle(options as never)).toThrow(message);
});
