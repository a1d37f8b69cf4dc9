import { getEventListeners } from 'node:events';
import { createFakeClock } from '@holdfast/testkit';
import { describe, expect, it } from 'vitest';
import {
  circuitBreaker,
  consecutive,
  pipeline,
  remaining,
  retry,
  timeout,
  withDeadline,
} from '../src/index.ts';

const hang = (): Promise<never> => new Promise(() => undefined);

describe('execute with a deadline', () => {
  it('rejects and aborts the work when it passes', async () => {
    const clock = createFakeClock();
    let seen: AbortSignal | undefined;
    const call = circuitBreaker({ clock }).tryExecute(({ signal }) => ((seen = signal), hang()), {
      deadline: 50,
    });
    await clock.advance(50);
    const { error } = await call;
    expect(error).toMatchObject({ code: 'DEADLINE_EXCEEDED', policy: 'circuit-breaker' });
    expect(seen?.reason).toBe(error);
    expect(clock.pending()).toBe(0);
  });

  it('that has passed calls nothing and counts nothing (P5)', async () => {
    const clock = createFakeClock({ startMs: 100 });
    const breaker = circuitBreaker({ trip: consecutive(1), clock });
    let calls = 0;
    for (const deadline of [100, 99, -Infinity]) {
      const { error } = await breaker.tryExecute(() => (calls += 1), { deadline });
      expect(error).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    }
    expect(calls).toBe(0);
    expect(breaker.snapshot()).toMatchObject({ state: 'closed', counters: { calls: 0 } });
  });

  it('that passes in mid-call is a failure for the circuit', async () => {
    const clock = createFakeClock();
    const breaker = circuitBreaker({ trip: consecutive(1), clock });
    const call = breaker.tryExecute(hang, { deadline: 5 });
    await clock.advance(5);
    await call;
    expect(breaker.state).toBe('open');
  });

  it('prefers the reason of a signal that was aborted before', async () => {
    const call = timeout({ ms: 5 }).execute(() => 1, {
      deadline: -1,
      signal: AbortSignal.abort('mine'),
    });
    await expect(call).rejects.toBe('mine');
  });

  it('T09 is clipped by each timeout on the way, and tells the work what is left', async () => {
    const clock = createFakeClock({ startMs: 1_000 });
    const policy = pipeline(
      timeout({ ms: 300, clock }),
      retry({ clock }),
      timeout({ ms: 200, clock }),
    );
    const left: number[] = [];
    await policy.execute((context) => left.push(context.remainingMs()), { deadline: 1_100 });
    await policy.execute((context) => left.push(context.remainingMs()));
    await timeout({ ms: 5, clock }).execute((context) => left.push(context.deadline));
    await retry({ clock }).execute((context) => left.push(context.remainingMs()));
    expect(left).toEqual([100, 200, 1_005, Infinity]);
    expect(clock.pending()).toBe(0);
  });

  it('leaves no listener on a signal that outlives it', async () => {
    const { signal } = new AbortController();
    for (let n = 0; n < 1_000; n += 1) {
      await circuitBreaker().execute(() => n, { signal, deadline: performance.now() + 1_000 });
    }
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });
});

describe('withDeadline', () => {
  it('holds for every policy inside, however deep, without being handed on', async () => {
    const clock = createFakeClock();
    const inner = retry({
      attempts: 99,
      backoff: { baseMs: 30, factor: 1, jitter: 'none' },
      clock,
    });
    let calls = 0;
    const layer = async (): Promise<unknown> => {
      await Promise.resolve();
      return inner.execute(() => ((calls += 1), Promise.reject(new Error('down'))));
    };
    const call = withDeadline(100, layer, { clock }).catch((error: unknown) => error);
    await clock.advance(100);
    // 0, 30, 60, 90: the wait that follows would end at 120.
    expect(await call).toEqual(new Error('down'));
    expect(calls).toBe(4);
    expect(clock.pending()).toBe(0);
  });

  it('rejects, and aborts the signal that it gives, when the time is up', async () => {
    const clock = createFakeClock();
    let seen: AbortSignal | undefined;
    const call = withDeadline(10, ({ signal }) => ((seen = signal), hang()), { clock });
    const settled = call.catch((error: unknown) => error);
    await clock.advance(10);
    expect(await settled).toMatchObject({ code: 'DEADLINE_EXCEEDED', policy: 'withDeadline' });
    expect(seen?.aborted).toBe(true);
  });

  it('can only become earlier inside, and ends with its scope', async () => {
    const clock = createFakeClock();
    const seen: number[] = [remaining(clock)];
    await withDeadline(
      100,
      async () => {
        seen.push(remaining(clock));
        await withDeadline(500, () => seen.push(remaining(clock)), { clock });
        await withDeadline(20, () => seen.push(remaining(clock)), { clock });
        await Promise.resolve();
        seen.push(remaining(clock));
      },
      { clock },
    );
    seen.push(remaining(clock));
    expect(seen).toEqual([Infinity, 100, 100, 20, 100, Infinity]);
    expect(clock.pending()).toBe(0);
  });

  it('of nothing calls nothing; a signal that was aborted wins', async () => {
    await expect(withDeadline(0, () => 1)).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    await expect(withDeadline(5, () => 1, { signal: AbortSignal.abort('no') })).rejects.toBe('no');
  });

  it('turns a synchronous throw into a rejection', async () => {
    const thrown = new Error('at once');
    await expect(
      withDeadline(5, () => {
        throw thrown;
      }),
    ).rejects.toBe(thrown);
  });
});
