import { getEventListeners } from 'node:events';
import { createDeferred, seededRandom, type Deferred } from '@holdfast/internal';
import { createFakeClock, testSeed } from '@holdfast/testkit';
import { describe, expect, it, onTestFinished } from 'vitest';
import { hedge } from '../src/hedge/hedge.ts';
import type { HedgeOptions } from '../src/hedge/options.ts';
import { QuantileTracker } from '../src/hedge/quantile-tracker.ts';
import type { ExecuteOptions, ExecutionContext } from '../src/policy.ts';
import { timeout } from '../src/timeout/timeout.ts';

function setUp(options: Partial<HedgeOptions> = {}) {
  const clock = createFakeClock();
  const policy = hedge({ name: 'read', afterMs: 10, clock, ...options });
  const events: unknown[] = [];
  policy.on('hedge', (event) => events.push({ hedge: event.attempt }));
  policy.on('won', (event) => events.push({ won: event.attempt }));
  const contexts: ExecutionContext[] = [];
  const works: Deferred<string>[] = [];
  const call = (rest: ExecuteOptions = {}): Promise<string> =>
    policy.execute(
      (context) => {
        contexts.push(context);
        const work = createDeferred<string>();
        works.push(work);
        return work.promise;
      },
      { idempotent: true, ...rest },
    );
  return { clock, policy, events, contexts, works, call };
}

describe('hedge', () => {
  it('H01 a fast first attempt is not hedged', async () => {
    const { clock, policy, events, contexts, works, call } = setUp();

    const result = call();
    await clock.advance(9);
    works[0]!.resolve('first');

    expect(await result).toBe('first');
    expect(clock.pending()).toBe(0);
    expect(events).toEqual([]);
    expect(contexts[0]!.signal.aborted).toBe(false);
    expect(policy.snapshot()).toEqual({
      name: 'read',
      kind: 'hedge',
      counters: { calls: 1, succeeded: 1, failed: 0, aborted: 0, hedges: 0, won: 0, refused: 0 },
      gauges: { inFlight: 0, afterMs: 10 },
    });
  });

  it('H02 a slow one gets two hedges; the first acceptable outcome wins and the losers are aborted', async () => {
    const { clock, policy, events, contexts, works, call } = setUp({ maxHedges: 2 });

    const result = call();
    await clock.advance(1_000);
    works[1]!.resolve('second');

    expect(await result).toBe('second');
    expect(contexts.map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
    expect(contexts.map(({ signal }) => signal.aborted)).toEqual([true, false, true]);
    expect(contexts[0]!.signal.reason).toMatchObject({ code: 'HEDGE_LOST' });
    expect(events).toEqual([{ hedge: 2 }, { hedge: 3 }, { won: 2 }]);
    expect(policy.snapshot().counters).toMatchObject({ hedges: 2, won: 1 });
    expect(clock.pending()).toBe(0);
  });

  it('H03 a delay of 0 starts all at once', async () => {
    const { clock, contexts, works, call } = setUp({ afterMs: 0, maxHedges: 2 });

    const result = call();

    expect(contexts).toHaveLength(3);
    works[2]!.resolve('third');
    expect(await result).toBe('third');
    expect(clock.pending()).toBe(0);
  });

  it('H03 on-failure starts one at a time, when the one before has failed', async () => {
    const { clock, events, contexts, works, call } = setUp({ afterMs: 'on-failure', maxHedges: 2 });

    const result = call();
    await clock.advance(10_000);
    expect(contexts).toHaveLength(1);
    works[0]!.reject(new Error('one'));
    await clock.advance(0);
    expect(contexts).toHaveLength(2);
    works[1]!.reject(new Error('two'));
    await clock.advance(0);
    works[2]!.resolve('third');

    expect(await result).toBe('third');
    expect(events).toEqual([{ hedge: 2 }, { hedge: 3 }, { won: 3 }]);
  });

  it.each([10, 0, 'on-failure'] as const)(
    "H04 when all attempts fail the first one's error surfaces (afterMs %s)",
    async (afterMs) => {
      const { clock, policy, events, works, call } = setUp({ afterMs, maxHedges: 2 });

      const result = call();
      const settled = result.catch((error: unknown) => error);
      await clock.advance(9);
      if (afterMs === 10) await clock.advance(20);
      for (const index of afterMs === 'on-failure' ? [0, 1, 2] : [2, 1, 0]) {
        works[index]!.reject(new Error(`attempt ${index + 1}`));
        await clock.advance(0);
      }

      expect(await settled).toMatchObject({ message: 'attempt 1' });
      expect(events).toEqual([{ hedge: 2 }, { hedge: 3 }]);
      expect(policy.snapshot().counters).toMatchObject({ failed: 1, won: 0 });
      expect(clock.pending()).toBe(0);
    },
  );

  it('H05 with a quantile nothing is hedged during the warm-up, then a slow call exactly once', async () => {
    const { clock, policy, events, works, call } = setUp({ afterMs: { quantile: 0.9 } });
    const run = async (ms: number): Promise<void> => {
      const result = call();
      await clock.advance(ms);
      works.at(-1)!.resolve('done');
      await result;
    };

    for (let n = 0; n < 19; n += 1) await run(5);
    await run(1_000);
    expect(events).toEqual([]);
    expect(policy.snapshot().gauges.afterMs).toBeGreaterThanOrEqual(5);
    const { afterMs } = policy.snapshot().gauges;
    await run(afterMs + 1_000);

    expect(events).toEqual([{ hedge: 2 }, { won: 2 }]);
  });

  it('H06 a call that is not idempotent is never hedged', async () => {
    const { clock, policy, contexts, works, call } = setUp({ afterMs: 0, maxHedges: 3 });

    const result = call({ idempotent: false, attempt: 7 });
    await clock.advance(10_000);
    works[0]!.resolve('once');

    expect(await result).toBe('once');
    expect(contexts.map(({ attempt }) => attempt)).toEqual([7]);
    await expect(policy.execute(() => Promise.reject(new Error('once')))).rejects.toThrow('once');
    expect(policy.snapshot().counters).toMatchObject({ calls: 2, failed: 1, hedges: 0 });
  });

  it('G04 a budget that refuses, or throws, fails no first attempt', async () => {
    for (const tryWithdraw of [
      () => false,
      () => {
        throw new Error('no such budget');
      },
    ]) {
      let deposits = 0;
      const budget = { deposit: () => void (deposits += 1), tryWithdraw };
      const { clock, policy, contexts, works, call } = setUp({ maxHedges: 3, budget });

      const result = call();
      await clock.advance(1_000);
      expect(contexts).toHaveLength(1);
      works[0]!.resolve('first');

      expect(await result).toBe('first');
      expect(deposits).toBe(1);
      expect(policy.snapshot().counters).toMatchObject({ hedges: 0, refused: 1 });
    }
  });

  it('G04 a refusal after a failure surfaces that failure', async () => {
    const budget = { deposit: () => undefined, tryWithdraw: () => false };
    const { works, call } = setUp({ afterMs: 'on-failure', budget });

    const result = call();
    works[0]!.reject(new Error('first'));

    await expect(result).rejects.toThrow('first');
  });

  it('does not hedge a first attempt that has failed in time: that is for a retry', async () => {
    const { clock, contexts, works, call } = setUp();

    const result = call();
    works[0]!.reject(new Error('down'));

    await expect(result).rejects.toThrow('down');
    await clock.advance(100);
    expect(contexts).toHaveLength(1);
  });

  it('waits for the hedge when the first attempt fails meanwhile', async () => {
    const { clock, works, call } = setUp();

    const result = call();
    await clock.advance(10);
    works[0]!.reject(new Error('down'));
    await clock.advance(0);
    works[1]!.resolve('second');

    expect(await result).toBe('second');
  });

  it('lets accept decide what ends a call, also an error', async () => {
    const accept: HedgeOptions['accept'] = ({ ok, value, error }) =>
      ok ? value !== 'stale' : (error as Error).message === 'not found';
    const { works, call } = setUp({ afterMs: 'on-failure', maxHedges: 2, accept });

    const value = call();
    works[0]!.resolve('stale');
    await new Promise((resolve) => setImmediate(resolve));
    works[1]!.reject(new Error('not found'));

    await expect(value).rejects.toThrow('not found');
    expect(works).toHaveLength(2);
  });

  it("returns the first one's value when no attempt was accepted", async () => {
    const { works, call } = setUp({ afterMs: 0, accept: () => false });

    const result = call();
    works[1]!.resolve('two');
    works[0]!.resolve('one');

    expect(await result).toBe('one');
  });

  it('rejects, and aborts what runs, when accept throws', async () => {
    const { contexts, works, call } = setUp({
      afterMs: 0,
      accept: () => {
        throw new Error('bug');
      },
    });

    const result = call();
    works[1]!.resolve('two');

    await expect(result).rejects.toBeInstanceOf(AggregateError);
    expect(contexts[0]!.signal.aborted).toBe(true);
  });

  it("rejects at once when the caller aborts, and aborts every attempt with the caller's reason", async () => {
    const { clock, policy, contexts, call } = setUp({ maxHedges: 2 });
    const controller = new AbortController();

    const result = call({ signal: controller.signal });
    await clock.advance(10);
    controller.abort('enough');

    await expect(result).rejects.toBe('enough');
    expect(contexts.map(({ signal }) => signal.reason as unknown)).toEqual(['enough', 'enough']);
    await clock.advance(1_000);
    expect(contexts).toHaveLength(2);
    expect(clock.pending()).toBe(0);
    expect(policy.snapshot().counters).toMatchObject({ aborted: 1 });
    await expect(call({ signal: AbortSignal.abort('early') })).rejects.toBe('early');
    expect(contexts).toHaveLength(2);
  });

  it('sets no timer when the work aborts its own caller', async () => {
    const { clock, policy } = setUp();
    const controller = new AbortController();

    const result = policy.execute(
      () => {
        controller.abort('by the work');
        return new Promise(() => undefined);
      },
      { idempotent: true, signal: controller.signal },
    );

    await expect(result).rejects.toBe('by the work');
    expect(clock.pending()).toBe(0);
  });

  it('starts nothing when the signal cannot be listened to', async () => {
    const { clock, policy, contexts, call } = setUp();
    const broken = Object.assign(new EventTarget(), {
      aborted: false,
      addEventListener: () => {
        throw new Error('no listeners here');
      },
    });

    await expect(call({ signal: broken as never })).rejects.toThrow('no listeners here');

    expect(contexts).toHaveLength(0);
    expect(clock.pending()).toBe(0);
    expect(policy.snapshot()).toMatchObject({ counters: { failed: 1 }, gauges: { inFlight: 0 } });
  });

  it('handles the late rejection of a loser', async () => {
    const unhandled: unknown[] = [];
    const onUnhandled = (reason: unknown): unknown => unhandled.push(reason);
    process.on('unhandledRejection', onUnhandled);
    onTestFinished(() => void process.off('unhandledRejection', onUnhandled));
    const { clock, works, call } = setUp({ afterMs: 0 });

    const result = call();
    works[0]!.resolve('first');
    await result;
    works[1]!.reject(new Error('too late'));
    await clock.advance(0);

    expect(unhandled).toEqual([]);
  });

  it('leaves no listener and no timer behind after 1 000 calls', async () => {
    const { clock, policy } = setUp({ afterMs: 1 });
    const { signal } = new AbortController();

    for (let n = 0; n < 1_000; n += 1) {
      await policy.execute(() => Promise.resolve(n), { signal, idempotent: true });
    }

    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
    expect(clock.pending()).toBe(0);
  });
});

describe('the quantile', () => {
  it('is estimated within a few per cent of the exact one', () => {
    const random = seededRandom(testSeed());
    for (const quantile of [0.5, 0.9, 0.95, 0.99]) {
      const tracker = new QuantileTracker(quantile);
      const all = Array.from({ length: 2_000 }, () => -Math.log(1 - random()) * 100);
      all.forEach((latency) => tracker.record(latency));
      const below = all.filter((latency) => latency <= tracker.estimate).length / all.length;

      expect(Math.abs(below - quantile)).toBeLessThan(quantile === 0.5 ? 0.15 : 0.06);
    }
  });

  it('lies between the first few', () => {
    const tracker = new QuantileTracker(0.5);
    expect(tracker.estimate).toBeNaN();
    tracker.record(7);
    expect(tracker.estimate).toBe(7);
    [9, 8].forEach((latency) => tracker.record(latency));
    expect(tracker.estimate).toBeGreaterThanOrEqual(7);
    expect(tracker.estimate).toBeLessThanOrEqual(9);
  });

  it('stays what it is when all are equal', () => {
    const tracker = new QuantileTracker(0.95);
    for (let n = 0; n < 100; n += 1) tracker.record(5);
    expect(tracker.estimate).toBe(5);
  });

  it('forgets old latencies of a hundred times as long after 2 000 newer ones', () => {
    const tracker = new QuantileTracker(0.9);
    for (let n = 0; n < 5_000; n += 1) tracker.record(1_000);
    for (let n = 0; n < 2_000; n += 1) tracker.record(10);

    expect(tracker.estimate).toBeGreaterThan(9);
    expect(tracker.estimate).toBeLessThan(20);
  });

  it('follows latencies that become ten times as long, though every one is cut off', () => {
    const tracker = new QuantileTracker(0.9);
    const random = seededRandom(testSeed());
    for (let n = 0; n < 1_000; n += 1) tracker.record(10 + random());
    let cutOff = 0;
    while (tracker.estimate < 100) {
      tracker.recordAtLeast(tracker.estimate);
      cutOff += 1;
    }

    expect(cutOff).toBeLessThan(3_000);
  });

  it.each([
    { quantile: 0.5, least: 0.45, most: 0.55 },
    { quantile: 0.9, least: 0.08, most: 0.14 },
    { quantile: 0.99, least: 0.003, most: 0.05 },
  ])(
    'does not sink with every hedge: $quantile hedges its part in the long run',
    async ({ quantile, least, most }) => {
      const { clock, policy } = setUp({ afterMs: { quantile, floorMs: 1 } });
      const random = seededRandom(testSeed());
      // The hedge is always fast: no slow first attempt is ever seen to its end.
      const latencies = [0, 1];
      const sleep = ({ attempt, signal }: ExecutionContext): Promise<void> =>
        new Promise((resolve) => {
          const timer = clock.setTimer(resolve, latencies[attempt - 1]!);
          signal.addEventListener('abort', () => timer.cancel());
        });

      for (let n = 0; n < 3_000; n += 1) {
        latencies[0] = 10 + random() * 90;
        const result = policy.execute(sleep, { idempotent: true });
        await clock.advance(100);
        await result;
      }

      const { hedges } = policy.snapshot().counters;
      expect(hedges / 3_000).toBeGreaterThan(least);
      expect(hedges / 3_000).toBeLessThan(most);
    },
  );

  it('learns from calls that a timeout has cut off only what can raise it', async () => {
    const { clock, policy, works, call } = setUp({ afterMs: { quantile: 0.5, warmup: 1 } });
    const first = call();
    await clock.advance(20);
    works[0]!.resolve('done');
    await first;

    const outer = timeout({ ms: 5, clock });
    const cut = outer.tryExecute(
      (context) => policy.execute(() => new Promise(() => undefined), context),
      { idempotent: true },
    );
    await clock.advance(5);
    await cut;

    expect(policy.snapshot().gauges.afterMs).toBe(20);
  });
});

const wrong: [unknown, string][] = [
  [undefined, 'options must be an object, got undefined'],
  [{}, "afterMs must be a number, 'on-failure' or { quantile }, got undefined"],
  [{ afterMs: 'soon' }, "afterMs must be a number, 'on-failure' or { quantile }, got soon"],
  [{ afterMs: -1 }, 'afterMs must be a finite number of at least 0, got -1'],
  [{ afterMs: NaN }, 'afterMs must be a finite number of at least 0, got NaN'],
  [{ afterMs: null }, 'afterMs must be an object, got null'],
  [{ afterMs: {} }, 'afterMs.quantile must be a number, got undefined'],
  [{ afterMs: { quantile: 1 } }, 'afterMs.quantile must be above 0 and below 1, got 1'],
  [
    { afterMs: { quantile: 0.5, warmup: 0 } },
    'afterMs.warmup must be an integer of at least 1, got 0',
  ],
  [
    { afterMs: { quantile: 0.5, floorMs: -1 } },
    'afterMs.floorMs must be a finite number of at least 0, got -1',
  ],
  [{ afterMs: 1, maxHedges: 0 }, 'maxHedges must be an integer from 1 to 100, got 0'],
  [{ afterMs: 1, budget: 5 }, 'budget must be an object, got 5'],
  [{ afterMs: 1, budget: {} }, 'budget.deposit must be a function, got undefined'],
  [{ afterMs: 1, accept: 5 }, 'accept must be a function, got 5'],
  [{ afterMs: 1, name: '' }, 'name must be a non-empty string, got ""'],
  [{ afterMs: 1, clock: 5 }, 'clock must be an object, got 5'],
];

it.each(wrong)('refuses wrong options at once (%#)', (options, message) => {
  expect(() => hedge(options as never)).toThrow(message);
});

it('learns for longer than a generation of estimators, and then does not stop hedging', async () => {
  const { policy } = setUp({ afterMs: { quantile: 0.9, warmup: 1_500 } });
  const changes: number[] = [];
  let isOn = false;

  for (let n = 1; n <= 5_000; n += 1) {
    await policy.execute(() => n, { idempotent: true });
    const isOnNow = policy.snapshot().gauges.afterMs !== -1;
    if (isOnNow !== isOn) changes.push(n);
    isOn = isOnNow;
  }

  expect(changes).toEqual([1_500]);
});

it.each([10, 'on-failure' as const])(
  'starts no attempt when a listener of its event aborts the caller (afterMs %s)',
  async (afterMs) => {
    const { clock, policy, contexts, works, call } = setUp({ afterMs, maxHedges: 3 });
    const controller = new AbortController();
    policy.on('hedge', () => controller.abort('by a listener'));

    const result = call({ signal: controller.signal });
    const rejected = expect(result).rejects.toBe('by a listener');
    if (afterMs === 'on-failure') works[0]!.reject(new Error('down'));
    await clock.advance(100);
    await rejected;

    expect(contexts).toHaveLength(1);
    expect(clock.pending()).toBe(0);
    expect(policy.snapshot()).toMatchObject({
      counters: { aborted: 1, failed: 0, succeeded: 0 },
      gauges: { inFlight: 0 },
    });
  },
);

it('neither tells of nor starts an attempt when the budget aborts the caller', async () => {
  const controller = new AbortController();
  const budget = {
    deposit: () => undefined,
    tryWithdraw: () => {
      controller.abort('by the budget');
      return true;
    },
  };
  const { clock, events, contexts, call } = setUp({ budget });

  const rejected = expect(call({ signal: controller.signal })).rejects.toBe('by the budget');
  await clock.advance(100);
  await rejected;

  expect(contexts).toHaveLength(1);
  expect(events).toEqual([]);
});
