import { createFakeClock } from '@holdfast/testkit';
import { describe, expect, it } from 'vitest';
import {
  bulkhead,
  cachedFallback,
  circuitBreaker,
  consecutive,
  fallback,
  hedge,
  keyed,
  memoryCacheStore,
  pipeline,
  remaining,
  retry,
  timeout,
  withDeadline,
  type ExecutionContext,
  type Work,
} from '../src/index.ts';

const hang = (): Promise<never> => new Promise(() => undefined);

describe('a copy of a context', () => {
  it('keeps the signal of the caller', async () => {
    const controller = new AbortController();
    let seen: AbortSignal | undefined;
    const work: Work<never> = ({ signal }) => ((seen = signal), hang());
    const inner = retry();
    const call = circuitBreaker().tryExecute(
      (context) => inner.execute(work, { ...context, idempotent: true }),
      { signal: controller.signal },
    );
    controller.abort('enough');

    expect(await call).toMatchObject({ ok: false, error: 'enough' });
    expect(seen?.reason).toBe('enough');
  });

  it('keeps the scope of a timeout, and its error', async () => {
    const clock = createFakeClock();
    const outer = timeout({ ms: 30, clock });
    const inner = retry({ clock });
    const call = outer.tryExecute((context) => inner.execute(hang, { ...context, key: 'a' }));
    await clock.advance(30);

    expect(await call).toMatchObject({ ok: false, error: { code: 'TIMEOUT' } });
    expect(outer.snapshot().counters).toMatchObject({ timedOut: 1 });
  });

  it('keeps the place in a bulkhead until the work has settled', async () => {
    const clock = createFakeClock();
    const limit = bulkhead({ limit: 1, clock });
    const inner = timeout({ ms: 10, clock });
    const call = limit.tryExecute((context) => inner.execute(hang, { ...context, key: 'a' }));
    await clock.advance(10);
    await call;

    expect((await limit.tryExecute(() => 1)).error).toMatchObject({ code: 'BULKHEAD_FULL' });
  });

  it('may have another signal', async () => {
    const mine = new AbortController();
    const call = circuitBreaker().tryExecute((context) =>
      retry().execute(hang, { ...context, signal: mine.signal }),
    );
    mine.abort('mine');

    expect(await call).toMatchObject({ error: 'mine' });
  });
});

describe('a context that is handed on', () => {
  it('keeps the place in a bulkhead through withDeadline as well', async () => {
    const clock = createFakeClock();
    const limit = bulkhead({ limit: 1, clock });
    const call = limit.tryExecute((context) =>
      withDeadline(10, hang, { ...(context as ExecutionContext & object), clock }),
    );
    await clock.advance(10);
    await call;

    expect((await limit.tryExecute(() => 1)).error).toMatchObject({ code: 'BULKHEAD_FULL' });
  });

  it('does not hide an earlier deadline of the scope around', async () => {
    const clock = createFakeClock();
    const inner = retry({
      attempts: 99,
      backoff: { baseMs: 30, factor: 1, jitter: 'none' },
      clock,
    });
    let calls = 0;
    const work = (): Promise<never> => ((calls += 1), Promise.reject(new Error('down')));
    const call = circuitBreaker({ clock }).tryExecute((context) =>
      withDeadline(50, () => inner.execute(work, context), { clock }),
    );
    await clock.advance(1_000);

    expect(await call).toMatchObject({ ok: false, error: { message: 'down' } });
    expect(calls).toBe(2);
    expect(remaining(clock)).toBe(Infinity);
  });
});

describe.each([
  ['keyed', () => keyed({ create: () => retry() })],
  [
    'cachedFallback',
    () => cachedFallback({ store: memoryCacheStore({ maxEntries: 1 }), staleIfErrorMs: 1 }),
  ],
])('a call of %s without its key', (_name, create) => {
  it('is not retried, not counted as a failure and not answered by a fallback', async () => {
    const breaker = circuitBreaker({ trip: consecutive(1) });
    const outer = retry();
    const policy = pipeline(fallback('instead'), outer, breaker, create());

    await expect(policy.execute(() => 1)).rejects.toThrow(/needs a key/);
    expect(breaker.state).toBe('closed');
    expect(outer.snapshot().counters.retries).toBe(0);
  });
});

it('a pipeline tells deadlines on the clock that its policies were given', async () => {
  const clock = createFakeClock({ startMs: 5e9 });
  const policy = pipeline(hedge({ afterMs: 1 }), retry({ clock }));
  const call = policy.tryExecute(hang, { deadline: 5e9 + 20 });
  await clock.advance(20);

  expect(await call).toMatchObject({ error: { code: 'DEADLINE_EXCEEDED' } });
});

it('a deadline by the wall clock is refused', () => {
  expect(() => retry().execute(() => 1, { deadline: Date.now() + 50 })).toThrow(
    /^deadline must be on the scale of performance\.now\(\), not of the wall clock, got \d+$/,
  );
});
