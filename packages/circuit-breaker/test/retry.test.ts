import { getEventListeners } from 'node:events';
import { seededRandom } from '@holdfast/internal';
import { createFakeClock } from '@holdfast/testkit';
import { describe, expect, it } from 'vitest';
import {
  circuitBreaker,
  consecutive,
  retry,
  retryBudget,
  type RetryEvents,
  type RetryOptions,
  type RetryPolicy,
} from '../src/index.ts';

/** Fails with numbered errors, then succeeds with the number of the call. */
function failingTimes(times: number): { work: () => Promise<number>; readonly calls: number } {
  let calls = 0;
  return {
    get calls() {
      return calls;
    },
    work: async () => {
      calls += 1;
      if (calls <= times) throw new Error(`failure ${calls}`);
      return calls;
    },
  };
}

const exactly = { jitter: 'none', baseMs: 100, factor: 3 } as const;

function setUp(options: RetryOptions = {}) {
  const clock = createFakeClock();
  const policy = retry({ backoff: exactly, clock, ...options });
  const events: unknown[] = [];
  policy.on('retry', ({ attempt, delayMs }) => events.push({ attempt, delayMs }));
  policy.on('giveUp', ({ attempts, reason }) => events.push({ attempts, reason }));
  return { clock, policy, events };
}

describe('retry', () => {
  it('returns the value of the first attempt that succeeds', async () => {
    const { clock, policy, events } = setUp();
    const { work } = failingTimes(2);

    const result = policy.execute(work);
    await clock.advance(400);

    await expect(result).resolves.toBe(3);
    expect(events).toEqual([
      { attempt: 1, delayMs: 100 },
      { attempt: 2, delayMs: 300 },
    ]);
  });

  it('tells the work which attempt it is', async () => {
    const { clock, policy } = setUp();
    const attempts: number[] = [];

    const result = policy.tryExecute(({ attempt }) => {
      attempts.push(attempt);
      throw new Error('down');
    });
    await clock.advance(400);
    await result;

    expect(attempts).toEqual([1, 2, 3]);
  });

  it('gives up with the last error itself', async () => {
    const { clock, policy, events } = setUp();
    const { work } = failingTimes(9);

    const result = policy.execute(work).catch((error: unknown) => error);
    await clock.advance(1_000);

    expect(await result).toEqual(new Error('failure 3'));
    expect(events.at(-1)).toEqual({ attempts: 3, reason: 'attempts' });
  });

  it('waits between 0 and the full back-off by default', async () => {
    const clock = createFakeClock();
    const policy = retry({ attempts: 200, clock, random: seededRandom(7) });
    const delays: number[] = [];
    policy.on('retry', ({ delayMs }) => delays.push(delayMs));

    const result = policy.tryExecute(failingTimes(1_000).work);
    await clock.advance(200 * 20_000);
    await result;

    expect(delays).toHaveLength(199);
    expect(delays[0]).toBeLessThan(100);
    expect(Math.max(...delays)).toBeLessThan(20_000);
    expect(Math.max(...delays)).toBeGreaterThan(15_000);
  });

  it('stops when the classifier says so, and tells it the attempt', async () => {
    const asked: number[] = [];
    const { clock, policy, events } = setUp({
      classify: ({ error }, { attempt }) => {
        asked.push(attempt);
        return { retry: (error as Error).message !== 'failure 2' };
      },
    });
    const failing = failingTimes(9);

    const result = policy.execute(failing.work).catch((error: unknown) => error);
    await clock.advance(1_000);

    expect(await result).toEqual(new Error('failure 2'));
    expect(asked).toEqual([1, 2]);
    expect(events.at(-1)).toEqual({ attempts: 2, reason: 'not-retryable' });
  });

  it('reports both errors when the classifier throws', async () => {
    const broken = new Error('classify is broken');
    const { policy } = setUp({
      classify: () => {
        throw broken;
      },
    });

    await expect(policy.execute(failingTimes(1).work)).rejects.toMatchObject({
      name: 'AggregateError',
      message: 'classify threw while it judged an outcome',
      errors: [new Error('failure 1'), broken],
    });
  });

  it('does not retry against an open or isolated circuit, whatever the classifier says', async () => {
    const { clock, policy, events } = setUp({ classify: () => ({ retry: true }) });
    const breaker = circuitBreaker({ trip: consecutive(1), clock });
    await breaker.tryExecute(failingTimes(1).work);

    await expect(policy.execute(() => breaker.execute(() => 1))).rejects.toMatchObject({
      code: 'CIRCUIT_OPEN',
    });
    breaker.isolate();
    await expect(policy.execute(() => breaker.execute(() => 1))).rejects.toMatchObject({
      code: 'CIRCUIT_ISOLATED',
    });

    expect(events).toEqual([
      { attempts: 1, reason: 'open-circuit' },
      { attempts: 1, reason: 'open-circuit' },
    ]);
  });

  it('begins no wait that would end after maxElapsedMs', async () => {
    const { clock, policy, events } = setUp({ attempts: 1_000, maxElapsedMs: 399 });
    const failing = failingTimes(1_000);

    const result = policy.tryExecute(failing.work);
    await clock.advance(100);

    expect(await result).toEqual({ ok: false, error: new Error('failure 2') });
    expect(events.at(-1)).toEqual({ attempts: 2, reason: 'elapsed' });
    expect(clock.pending()).toBe(0);
  });

  it('begins a wait that ends just at maxElapsedMs', async () => {
    const { clock, policy } = setUp({ maxElapsedMs: 400 });

    const result = policy.execute(failingTimes(2).work);
    await clock.advance(400);

    await expect(result).resolves.toBe(3);
  });
});

describe('the clock of a retry', () => {
  it('may begin anywhere', async () => {
    const clock = createFakeClock({ startMs: 1_000_000 });
    const policy = retry({ backoff: exactly, maxElapsedMs: 400, clock });

    const result = policy.execute(failingTimes(2).work);
    await clock.advance(400);

    await expect(result).resolves.toBe(3);
  });

  it('is read once when the first attempt succeeds', async () => {
    let readings = 0;
    const clock = { ...createFakeClock(), now: () => (readings += 1) };

    await retry({ clock }).execute(() => 1);

    expect(readings).toBe(1);
  });
});

it.each<[string, () => unknown, string]>([
  ['budget', () => retry({ budget: 5 as never }), 'budget must be an object, got 5'],
  [
    'budget.tryWithdraw',
    () => retry({ budget: { deposit: () => undefined } as never }),
    'budget.tryWithdraw must be a function, got undefined',
  ],
  [
    'exhausted',
    () => retry({ exhausted: 'throw' as never }),
    'exhausted must be one of last-error, wrap, got "throw"',
  ],
  ['retryBudget', () => retryBudget(5 as never), 'options must be an object, got 5'],
  ['clock', () => retryBudget({ clock: 5 as never }), 'clock must be an object, got 5'],
])('names what is wrong: %s', (_option, make, message) => {
  expect(make).toThrow(new TypeError(message));
});

describe('an abort', () => {
  it('in the back-off rejects at once, calls nothing more and leaves no timer or listener', async () => {
    const { clock, policy, events } = setUp();
    const controller = new AbortController();
    const failing = failingTimes(9);
    const reason = new Error('shutting down');

    const result = policy.execute(failing.work, { signal: controller.signal });
    await clock.advance(10);
    controller.abort(reason);
    await expect(result).rejects.toBe(reason);
    await clock.advance(10_000);

    expect(failing.calls).toBe(1);
    expect(clock.pending()).toBe(0);
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
    expect(events).toEqual([{ attempt: 1, delayMs: 100 }]);
  });

  it('during an attempt rejects at once, though the work ignores it', async () => {
    const { policy } = setUp();
    const controller = new AbortController();

    const result = policy.execute(() => new Promise(() => undefined), {
      signal: controller.signal,
    });
    controller.abort('enough');

    await expect(result).rejects.toBe('enough');
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
  });

  it('that makes the work fail rejects with the reason, not with what the work made of it', async () => {
    const { policy, events } = setUp();
    const controller = new AbortController();

    const result = policy.execute(
      () => {
        controller.abort('enough');
        throw new Error('cancelled');
      },
      { signal: controller.signal },
    );

    await expect(result).rejects.toBe('enough');
    expect(events).toEqual([]);
  });

  it('before the call rejects without calling the work', async () => {
    const { policy } = setUp();
    const failing = failingTimes(0);

    const result = policy.execute(failing.work, { signal: AbortSignal.abort('early') });

    await expect(result).rejects.toBe('early');
    expect(failing.calls).toBe(0);
  });
});

it('accounts for every call', async () => {
  const { clock, policy } = setUp({ attempts: 2 });
  const hanging = policy.execute(() => new Promise(() => undefined));
  const calls = [
    policy.tryExecute(() => 1),
    policy.tryExecute(failingTimes(1).work),
    policy.tryExecute(failingTimes(2).work),
    policy.tryExecute(() => 1, { signal: AbortSignal.abort() }),
    policy.tryExecute(() => 1, { signal: AbortSignal.abort() }),
  ];
  await clock.advance(1_000);
  await Promise.all(calls);

  expect(policy.snapshot()).toEqual({
    name: 'retry',
    kind: 'retry',
    counters: { calls: 6, succeeded: 2, gaveUp: 1, aborted: 2, retries: 2 },
    gauges: { inFlight: 1 },
  });
  void hanging;
});

it('is not changed by a listener that throws', async () => {
  const { clock, policy } = setUp();
  const throwing = (_event: RetryEvents['retry']): void => {
    throw new Error('bad listener');
  };
  const typed: RetryPolicy = policy;
  typed.on('retry', throwing);

  const result = policy.execute(failingTimes(1).work);
  await clock.advance(100);

  await expect(result).resolves.toBe(2);
});
