import { HoldfastError } from '@holdfast/internal';
import { createFakeClock } from '@holdfast/testkit';
import { describe, expect, it } from 'vitest';
import {
  circuitBreaker,
  consecutive,
  retry,
  retryBudget,
  type Classifier,
  type RetryEvents,
  type RetryOptions,
  type RetryPolicy,
} from '../src/index.ts';

const backoff = { baseMs: 100, jitter: 'none' } as const;

function setUp(options: RetryOptions = {}): {
  clock: ReturnType<typeof createFakeClock>;
  policy: RetryPolicy;
  waits: number[];
  reasons: RetryEvents['giveUp']['reason'][];
} {
  const clock = createFakeClock();
  const policy = retry({ backoff, clock, ...options });
  const waits: number[] = [];
  const reasons: RetryEvents['giveUp']['reason'][] = [];
  policy.on('retry', ({ delayMs }) => waits.push(delayMs));
  policy.on('giveUp', ({ reason }) => reasons.push(reason));
  return { clock, policy, waits, reasons };
}

function failing(error: () => unknown = () => new Error('down')): {
  work: () => Promise<never>;
  calls: () => number;
} {
  let calls = 0;
  return { work: () => ((calls += 1), Promise.reject(error())), calls: () => calls };
}

describe('Retry-After', () => {
  const asks =
    (retryAfterMs: number): Classifier =>
    () => ({ verdict: 'failure', retryAfterMs });

  it('R12 wins over a shorter back-off, and loses against a longer one', async () => {
    for (const [askedMs, expected] of [
      [2_000, [2_000, 2_000]],
      [150, [150, 200]],
    ] as const) {
      const { clock, policy, waits } = setUp({ classify: asks(askedMs) });
      const call = policy.tryExecute(failing().work);
      await clock.advance(10_000);
      await call;
      expect(waits).toEqual(expected);
    }
  });

  it('R12 beyond the deadline ends the call at once, with the real error', async () => {
    const { clock, policy, reasons } = setUp({ classify: asks(60_000) });
    const { work, calls } = failing();
    const call = policy.tryExecute(work, { deadline: clock.now() + 5_000 });
    await clock.advance(0);
    expect(await call).toMatchObject({ ok: false, error: { message: 'down' } });
    expect([calls(), reasons]).toEqual([1, ['deadline']]);
    expect(clock.pending()).toBe(0);
  });

  it('can be ignored', async () => {
    const { clock, policy, waits } = setUp({ classify: asks(5_000), retryAfter: 'ignore' });
    const call = policy.tryExecute(failing().work);
    await clock.advance(1_000);
    await call;
    expect(waits).toEqual([100, 200]);
  });

  it.each([NaN, -1, Infinity])('of %d from a classifier is the classifier’s fault', async (bad) => {
    const { policy } = setUp({ classify: asks(bad) });
    await expect(policy.execute(failing().work)).rejects.toMatchObject({
      name: 'AggregateError',
      cause: { message: expect.stringContaining('retryAfterMs must be') as string },
    });
  });
});

describe('the wait that an error of a policy inside asks for', () => {
  class Asking extends HoldfastError {
    readonly retryAfterMs: unknown;

    constructor(retryAfterMs: unknown) {
      super('ASKING', 'not now');
      this.retryAfterMs = retryAfterMs;
    }
  }

  it.each([
    [700, 700],
    ['soon', 100],
    [undefined, 100],
  ])('of %j makes a wait of %d ms', async (askedMs, expected) => {
    const { clock, policy, waits } = setUp({ attempts: 2 });
    const call = policy.tryExecute(failing(() => new Asking(askedMs)).work);
    await clock.advance(700);
    await call;
    expect(waits).toEqual([expected]);
  });
});

describe('an open circuit', () => {
  it('R17 is waited for just as long as it asks, when told to', async () => {
    const { clock, policy, waits } = setUp({ onOpenCircuit: 'wait' });
    const breaker = circuitBreaker({
      trip: consecutive(1),
      openMs: { baseMs: 700, jitter: 'none' },
      clock,
    });
    await breaker.tryExecute(failing().work);
    const call = policy.execute(() => breaker.execute(() => 'back'));
    await clock.advance(700);
    await expect(call).resolves.toBe('back');
    expect(waits).toEqual([700]);
  });

  it('is not waited for when it is isolated: nobody knows how long', async () => {
    const { clock, policy, reasons } = setUp({ onOpenCircuit: 'wait' });
    const breaker = circuitBreaker({ clock });
    breaker.isolate();
    await expect(policy.execute(() => breaker.execute(() => 1))).rejects.toMatchObject({
      code: 'CIRCUIT_ISOLATED',
    });
    expect(reasons).toEqual(['open-circuit']);
  });

  it('is not waited for beyond the deadline (P6)', async () => {
    const { clock, policy, reasons } = setUp({ onOpenCircuit: 'wait' });
    const breaker = circuitBreaker({ trip: consecutive(1), openMs: 10_000, clock });
    await breaker.tryExecute(failing().work);
    const call = policy.tryExecute(() => breaker.execute(() => 1), { deadline: 500 });
    await clock.advance(0);
    expect(await call).toMatchObject({ error: { code: 'CIRCUIT_OPEN' } });
    expect(reasons).toEqual(['deadline']);
  });
});

describe('work that may have been done', () => {
  const ambiguous: Classifier = () => ({ verdict: 'failure', applied: 'maybe' });

  it('R18 is not done again', async () => {
    const { policy, reasons } = setUp({ classify: ambiguous });
    const { work, calls } = failing();
    await policy.tryExecute(work);
    expect([calls(), reasons]).toEqual([1, ['ambiguous']]);
  });

  it('R18 is done again when that does no harm', async () => {
    const { clock, policy, reasons } = setUp({ classify: ambiguous });
    const { work, calls } = failing();
    const call = policy.tryExecute(work, { idempotent: true });
    await clock.advance(1_000);
    await call;
    expect([calls(), reasons]).toEqual([3, ['attempts']]);
  });
});

describe('layers of retries', () => {
  async function callsOf(options: RetryOptions, rethrow = (error: unknown): unknown => error) {
    const { clock, policy: inner } = setUp({ attempts: 4 });
    const { work, calls } = failing();
    const outer = retry({ attempts: 4, backoff, clock, ...options });
    const layer = (): Promise<never> =>
      inner.execute(work).catch((error: unknown) => {
        throw rethrow(error) as Error;
      });
    const call = outer.tryExecute(() => outer.execute(layer));
    await clock.advance(100_000);
    await call;
    return calls();
  }

  it('R19 make the calls of one, though no context is handed on', async () => {
    expect(await callsOf({})).toBe(4);
  });

  it('R19 make the calls of one also when a layer wraps the error', async () => {
    expect(await callsOf({}, (cause) => new Error('wrapped', { cause }))).toBe(4);
  });

  it('multiply when that is allowed (the negative control)', async () => {
    expect(await callsOf({ nested: 'allow' })).toBe(64);
  });

  it('say that there was one inside', async () => {
    const { clock, policy: inner } = setUp({ attempts: 2 });
    const { policy: outer, reasons } = setUp({ clock });
    const call = outer.tryExecute(() => inner.execute(failing().work));
    await clock.advance(100);
    await call;
    expect(reasons).toEqual(['nested']);
  });

  it.each([
    [8, 2],
    [9, 4],
  ])('look through %d errors in all, each the cause of the one before', async (links, expected) => {
    const { clock, policy: inner } = setUp({ attempts: 2 });
    const outer = retry({ attempts: 2, backoff, clock });
    const { work, calls } = failing();
    const wrap = (error: unknown): unknown => {
      let wrapped = error;
      for (let link = 1; link < links; link += 1) wrapped = new Error('', { cause: wrapped });
      return wrapped;
    };
    const call = outer.tryExecute(() =>
      inner.execute(work).catch((error: unknown) => {
        throw wrap(error);
      }),
    );
    await clock.advance(10_000);
    await call;
    expect(calls()).toBe(expected);
  });

  it('retry an error that is its own cause, and one whose cause is null', async () => {
    const own = new Error('own cause');
    own.cause = own;
    for (const error of [own, new Error('no cause', { cause: null }), null, 'text']) {
      const { clock, policy, reasons } = setUp();
      const call = policy.tryExecute(failing(() => error).work);
      await clock.advance(1_000);
      expect(await call).toEqual({ ok: false, error });
      expect(reasons).toEqual(['attempts']);
    }
  });

  it.each(['last-error', 'wrap'] as const)(
    'retry what was attempted only once inside (%s)',
    async (exhausted) => {
      const { clock, policy: inner } = setUp({ attempts: 1, exhausted });
      const outer = retry({ attempts: 3, backoff, clock });
      const { work, calls } = failing();
      const call = outer.tryExecute(() => inner.execute(work));
      await clock.advance(1_000);
      await call;
      expect(calls()).toBe(3);
    },
  );

  it('retry what was given up inside, though there was room for more attempts', async () => {
    const isFirst: Classifier = (_outcome, { attempt }) => ({ retry: attempt === 1 });
    const { clock, policy: inner } = setUp({ classify: isFirst });
    const outer = retry({ attempts: 2, backoff, clock });
    const { work, calls } = failing();
    const call = outer.tryExecute(() => inner.execute(work));
    await clock.advance(1_000);
    await call;
    expect(calls()).toBe(4);
  });

  it.each([
    ['the wrapped error', () => 'text', (error: unknown) => error],
    ['its cause', () => new Error('down'), (error: unknown) => (error as Error).cause],
  ])('make the calls of one when the one inside wraps: by %s', async (_what, create, pick) => {
    const { clock, policy: inner } = setUp({ attempts: 2, exhausted: 'wrap' });
    const outer = retry({ attempts: 2, backoff, clock });
    const { work, calls } = failing(create);
    const call = outer.tryExecute(() =>
      inner.execute(work).catch((error: unknown) => {
        throw pick(error);
      }),
    );
    await clock.advance(1_000);
    await call;
    expect(calls()).toBe(2);
  });

  it('do not mistake calls for layers that share an error object, as on a lost connection', async () => {
    const { clock, policy, reasons } = setUp();
    const lost = new Error('connection lost');
    let breakAll: (() => void) | undefined;
    const broken = new Promise<never>((_resolve, reject) => (breakAll = () => reject(lost)));
    let early = 0;
    // One call is at its last attempt when the connection of all breaks, the others are at their first.
    const first = policy.tryExecute(() =>
      (early += 1) < 3 ? Promise.reject(new Error('x')) : broken,
    );
    await clock.advance(300);
    const others = Array.from({ length: 5 }, () => {
      let calls = 0;
      return policy.tryExecute(() => ((calls += 1) === 1 ? broken : 'again'));
    });
    breakAll?.();
    await clock.advance(10_000);

    expect((await first).ok).toBe(false);
    expect(await Promise.all(others)).toEqual(others.map(() => ({ ok: true, value: 'again' })));
    expect(reasons).toEqual(['attempts']);
  });

  it('do not mistake an error object that is thrown again and again for a layer', async () => {
    const constant = new Error('always this one');
    const { clock, policy, reasons } = setUp();
    const { work, calls } = failing(() => constant);
    for (let call = 1; call <= 3; call += 1) {
      const result = policy.tryExecute(work);
      await clock.advance(10_000);
      await result;
      expect(calls()).toBe(call * 3);
    }
    expect(reasons).toEqual(['attempts', 'attempts', 'attempts']);
  });
});

describe('a retry budget', () => {
  it.each([0.01, 0.1, 0.25, 0.5, 0.75, 0.99])(
    'G01 of %d bounds the retries of 10 000 calls that all fail',
    async (ratio) => {
      const clock = createFakeClock();
      const budget = retryBudget({ ratio, minPerSecond: 0, clock });
      const policy = retry({ attempts: 2, backoff: { baseMs: 0 }, budget, clock });
      const { work, calls } = failing();
      for (let n = 0; n < 10_000; n += 1) {
        const call = policy.tryExecute(work);
        // Two turns are enough for an attempt, a wait of nothing, and another one.
        await clock.advance(0);
        await call;
      }
      expect(Math.abs(calls() - 10_000 - 10_000 * ratio)).toBeLessThanOrEqual(1);
    },
  );

  it('grants a few retries a second whatever the traffic, and forgets by time', async () => {
    const clock = createFakeClock();
    const budget = retryBudget({ ratio: 0, minPerSecond: 2, ttlMs: 1_000, clock });
    expect(budget.balance).toBe(2);
    expect([budget.tryWithdraw(), budget.tryWithdraw(), budget.tryWithdraw()]).toEqual([
      true,
      true,
      false,
    ]);
    await clock.advance(1_000);
    expect(budget.balance).toBe(2);
  });

  it('G04 that is spent ends the retry with the real error', async () => {
    const clock = createFakeClock();
    const { policy, reasons } = setUp({
      budget: retryBudget({ ratio: 0, minPerSecond: 0, clock }),
      clock,
    });
    await expect(policy.execute(failing().work)).rejects.toThrow('down');
    expect(reasons).toEqual(['budget']);
  });

  it('is not touched by errors that are not retried for another reason', async () => {
    const clock = createFakeClock();
    const budget = retryBudget({ ratio: 0, minPerSecond: 1, ttlMs: 1_000, clock });
    const { policy } = setUp({ budget, clock, classify: () => ({ retry: false }) });
    await policy.tryExecute(failing().work);
    expect(budget.balance).toBe(1);
  });
});

describe('a value that is judged to be a failure', () => {
  const classify: Classifier = ({ value }) => (value === 503 ? { verdict: 'failure' } : undefined);

  it('is tried again', async () => {
    const { clock, policy } = setUp({ classify });
    let calls = 0;
    const call = policy.execute(() => ((calls += 1) < 3 ? 503 : 200));
    await clock.advance(1_000);
    await expect(call).resolves.toBe(200);
  });

  it('is the result when it is the last', async () => {
    const { clock, policy, reasons } = setUp({ classify, exhausted: 'wrap' });
    const call = policy.execute(() => 503);
    await clock.advance(1_000);
    await expect(call).resolves.toBe(503);
    expect(reasons).toEqual(['attempts']);
  });
});

describe('exhausted: wrap', () => {
  it('rejects with the errors of the last attempts, the last one as the cause', async () => {
    let n = 0;
    const { clock, policy } = setUp({
      attempts: 12,
      exhausted: 'wrap',
      backoff: { baseMs: 1, jitter: 'none' },
    });
    const call = policy.tryExecute(failing(() => new Error(`error ${(n += 1)}`)).work);
    await clock.advance(100_000);
    const { error } = await call;
    expect(error).toMatchObject({
      name: 'RetriesExhaustedError',
      code: 'RETRIES_EXHAUSTED',
      message: '"retry" gave up after 12 attempts (attempts)',
      policy: 'retry',
      reason: 'attempts',
      attempts: 12,
      cause: new Error('error 12'),
    });
    expect((error as { errors: Error[] }).errors.map(({ message }) => message)).toEqual(
      Array.from({ length: 10 }, (_, i) => `error ${i + 3}`),
    );
  });

  it.each<[string, RetryOptions, number]>([
    ['elapsed', { maxElapsedMs: 0 }, Infinity],
    ['deadline', {}, 50],
    ['budget', { budget: retryBudget({ ratio: 0, minPerSecond: 0 }) }, Infinity],
  ])('also when the bound is: %s', async (reason, options, deadline) => {
    const { policy } = setUp({ exhausted: 'wrap', ...options });
    const { error } = await policy.tryExecute(failing().work, { deadline });
    expect(error).toMatchObject({
      message: `"retry" gave up after 1 attempts (${reason})`,
      errors: [new Error('down')],
    });
  });

  it('leaves an error alone that is not worth a retry', async () => {
    const { policy } = setUp({ exhausted: 'wrap', classify: () => ({ retry: false }) });
    await expect(policy.execute(failing().work)).rejects.toThrow('down');
  });
});

describe('a deadline', () => {
  it('ends the call at once when the wait would end just then', async () => {
    const { clock, policy, reasons } = setUp();
    const call = policy.tryExecute(failing().work, { deadline: 100 });
    await clock.advance(0);
    expect(await call).toMatchObject({ error: { message: 'down' } });
    expect([reasons, clock.pending()]).toEqual([['deadline'], 0]);
  });

  it('ends a wait that has begun when it is earlier than the wait knew', async () => {
    const { clock, policy } = setUp();
    const { work, calls } = failing();
    const call = policy.tryExecute(work, { deadline: 250 });
    await clock.advance(250);
    expect(await call).toMatchObject({ error: { message: 'down' } });
    // At 0 and at 100; the wait of 200 that follows would end after it.
    expect(calls()).toBe(2);
  });
});
