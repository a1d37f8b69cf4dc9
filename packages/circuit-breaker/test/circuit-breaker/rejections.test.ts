import { createDeferred } from '@holdfast/internal';
import { createFakeClock } from '@holdfast/testkit';
import { describe, expect, it } from 'vitest';
import { Refusal } from '../../src/circuit-breaker/refusal.ts';
import { DeadlineExceededError } from '../../src/errors.ts';
import { circuitBreaker, consecutive, withDeadline } from '../../src/index.ts';
import type { CircuitBreaker, CircuitBreakerOptions } from '../../src/index.ts';

const down = new Error('down');
const fail = (): Promise<never> => Promise.reject(down);

function setUp(options: CircuitBreakerOptions = {}) {
  const clock = createFakeClock();
  const breaker = circuitBreaker({ trip: consecutive(1), clock, ...options });
  return { clock, breaker };
}

async function openUp(breaker: CircuitBreaker): Promise<void> {
  await breaker.tryExecute(fail);
}

describe('an outcome of a call that was turned away', () => {
  it('costs no exception when the circuit is open', async () => {
    const { breaker } = setUp();
    await openUp(breaker);
    const outcome = await breaker.tryExecute(() => 1);
    expect(outcome).toBeInstanceOf(Refusal);
    expect(outcome).toMatchObject({ ok: false, error: { code: 'CIRCUIT_OPEN', cause: down } });
    expect(outcome.error).toBe(outcome.error);
  });

  it('costs no exception when the circuit is isolated', async () => {
    const { breaker } = setUp();
    breaker.isolate();
    const outcome = await breaker.tryExecute(() => 1);
    expect(outcome).toBeInstanceOf(Refusal);
    expect(outcome.error).toMatchObject({ code: 'CIRCUIT_ISOLATED' });
  });

  it('is late rather than refused when the deadline around it has passed', async () => {
    const { breaker, clock } = setUp();
    await openUp(breaker);
    const inside = createDeferred<unknown>();
    const scope = withDeadline(
      50,
      async () => {
        await clock.advance(60);
        inside.resolve(await breaker.tryExecute(() => 1));
      },
      { clock },
    );
    await expect(scope).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    expect(await inside.promise).toMatchObject({ error: { code: 'DEADLINE_EXCEEDED' } });
    expect(breaker.snapshot().counters).toMatchObject({ calls: 1, rejected: 0 });
  });
});

describe('the cause of a rejection', () => {
  it('is a failure, whatever ended well after it', async () => {
    const { breaker } = setUp();
    const late = createDeferred<string>();
    const call = breaker.tryExecute(() => late.promise);
    await openUp(breaker);
    late.resolve('fine');
    await call;
    expect((await breaker.tryExecute(() => 1)).error).toMatchObject({ cause: down });
  });
});

describe('an abort', () => {
  it('does not hide a failure that is on its way', async () => {
    const { breaker } = setUp();
    const controller = new AbortController();
    const work = createDeferred<never>();
    const call = breaker.tryExecute(() => work.promise, { signal: controller.signal });
    work.reject(down);
    // The failure has reached the breaker's promise, but not the breaker.
    await Promise.resolve();
    controller.abort();
    expect(await call).toEqual({ ok: false, error: down });
    expect(breaker.state).toBe('open');
  });

  it('by a deadline speaks against what was called', async () => {
    const { breaker } = setUp();
    const controller = new AbortController();
    const call = breaker.tryExecute(() => new Promise<never>(() => undefined), {
      signal: controller.signal,
    });
    controller.abort(new DeadlineExceededError('caller'));
    await call;
    expect(breaker.state).toBe('open');
  });
});

describe('what a circuit would have rejected', () => {
  it('is told in shadow mode also when it was restored as open', async () => {
    const { breaker: before, clock } = setUp();
    await openUp(before);
    const { breaker } = setUp({ mode: 'shadow', restore: before.save(), clock });
    const told: string[] = [];
    breaker.on('wouldReject', ({ state }) => told.push(state));
    for (let n = 0; n < 2; n += 1) await breaker.execute(() => 1);
    expect(told).toEqual(['open']);
  });

  it('is not told when the breaker is off', async () => {
    const { breaker } = setUp();
    await openUp(breaker);
    breaker.configure({ mode: 'off' });
    const told: unknown[] = [];
    breaker.on('wouldReject', (event) => told.push(event));
    await breaker.execute(() => 1);
    expect(told).toEqual([]);
  });
});
