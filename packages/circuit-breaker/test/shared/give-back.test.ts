import { createGate } from '@holdfast/testkit';
import { describe, expect, it } from 'vitest';
import type { SharedCircuitBreaker } from '../../src/shared/contract.ts';
import type { SharedCircuitBreakerOptions } from '../../src/shared/options.ts';
import { createFleet, fail, isAccountedFor, OPEN_MS, succeed, type Fleet } from './fleet.ts';

const STORE_TIMEOUT_MS = 200;

interface HalfOpen extends AsyncDisposable {
  readonly fleet: Fleet;
  readonly first: SharedCircuitBreaker;
  readonly second: SharedCircuitBreaker;
  /** Leases that are out, by the store. */
  leases(this: void): Promise<number>;
}

/** Two members, one place for a probe, and a lease that would hold for longer than any test lasts. */
async function createHalfOpen(
  options: Partial<SharedCircuitBreakerOptions> = {},
): Promise<HalfOpen> {
  const fleet = await createFleet(0, { leaseMs: 3_600_000, ...options });
  const first = await fleet.join();
  const second = await fleet.join();
  await fail(first);
  await fleet.clock.advance(OPEN_MS);
  return {
    fleet,
    first,
    second,
    leases: async () => (await fleet.store.read('upstream')).leases,
    [Symbol.asyncDispose]: () => fleet[Symbol.asyncDispose](),
  };
}

/** The next lease takes so long to reach the store, milliseconds, and its answer so long to come back. */
function delayLease({ store, clock }: Fleet, sendMs: number, answerMs: number): void {
  const inner = { ...store };
  const wait = (ms: number): Promise<void> =>
    new Promise((resolve) => void clock.setTimer(resolve, ms));
  let isNext = true;
  store.lease = async (circuit, request) => {
    if (!isNext) return inner.lease(circuit, request);
    isNext = false;
    if (sendMs > 0) await wait(sendMs);
    const answer = await inner.lease(circuit, request);
    if (answerMs > 0) await wait(answerMs);
    return answer;
  };
}

/** So many turns of the queue of promises. */
async function pass(ticks: number): Promise<void> {
  for (let n = 0; n < ticks; n += 1) await Promise.resolve();
}

describe('a lease that nobody wants any more is given back', () => {
  it('whenever close() comes, before it resolves', async () => {
    for (let ticks = 0; ticks <= 40; ticks += 1) {
      await using halfOpen = await createHalfOpen();
      const gate = createGate();
      const { store } = halfOpen.fleet;
      const inner = { ...store };
      store.settle = async (circuit, result) => {
        await pass(20);
        return inner.settle(circuit, result);
      };
      const call = halfOpen.first.tryExecute(() => gate.pass());
      await pass(ticks);

      await halfOpen.first.close();

      expect(await halfOpen.leases(), `closed after ${ticks} ticks`).toBe(0);
      gate.open();
      await call;
      expect(isAccountedFor(halfOpen.first)).toBe(true);
      const { members } = await halfOpen.fleet.store.read('upstream');
      expect(members).toBe(1);
    }
  });

  it('when its answer comes during close(), before that resolves', async () => {
    await using halfOpen = await createHalfOpen();
    delayLease(halfOpen.fleet, 0, 100);
    const call = succeed(halfOpen.first);
    await halfOpen.fleet.clock.advance(50);

    const closing = halfOpen.first.close().then(halfOpen.leases);
    await halfOpen.fleet.clock.advance(50);

    expect(await closing).toBe(0);
    expect(await call).toBe('fine');
  });

  it('when its answer comes after close() has stopped waiting for it', async () => {
    await using halfOpen = await createHalfOpen();
    delayLease(halfOpen.fleet, 5_000, 0);
    const call = succeed(halfOpen.first);
    const closing = halfOpen.first.close();
    await halfOpen.fleet.clock.advance(STORE_TIMEOUT_MS);
    await Promise.all([closing, call]);

    await halfOpen.fleet.clock.advance(5_000);

    expect(halfOpen.fleet.store.sent.lease).toBe(1);
    expect(await halfOpen.leases()).toBe(0);
  });

  it.each([
    ['the request', 5_000, 0],
    ['the answer', 0, 5_000],
    ['the answer, for ever,', 0, 3_600_000],
  ])('when %s was late, as soon as the store is up again', async (_what, sendMs, answerMs) => {
    await using halfOpen = await createHalfOpen();
    delayLease(halfOpen.fleet, sendMs, answerMs);
    const call = succeed(halfOpen.first);
    await halfOpen.fleet.clock.advance(STORE_TIMEOUT_MS);
    expect(halfOpen.first.snapshot().store).toBe('down');

    await halfOpen.fleet.clock.advance(6_000);

    expect(await call).toBe('fine');
    expect(halfOpen.fleet.store.sent.lease).toBe(1);
    expect(await halfOpen.fleet.store.read('upstream')).toMatchObject({
      state: 'half-open',
      leases: 0,
    });
    expect(await succeed(halfOpen.second)).toBe('fine');
  });

  it('when the store has failed, once it is up again and not before', async () => {
    await using halfOpen = await createHalfOpen();
    const { store, clock } = halfOpen.fleet;
    const inner = { ...store };
    // Granted, but the connection broke before the answer.
    store.lease = async (circuit, request) => {
      await inner.lease(circuit, request);
      store.mode = 'failing';
      throw new Error('the connection is closed');
    };

    await succeed(halfOpen.first);
    await clock.advance(20_000);
    const whileDown = store.sent.settle;
    store.mode = 'up';
    const before = await halfOpen.leases();
    await clock.advance(20_000);

    expect([whileDown, before]).toEqual([0, 1]);
    expect([store.sent.settle, await halfOpen.leases()]).toEqual([1, 0]);
  });

  it('when its caller has gone while the store was down', async () => {
    await using halfOpen = await createHalfOpen();
    const { store, clock } = halfOpen.fleet;
    const abort = new AbortController();
    const call = halfOpen.first.tryExecute(() => new Promise(() => undefined), {
      signal: abort.signal,
    });
    await clock.advance(0);
    store.mode = 'failing';
    await clock.advance(5_000);

    abort.abort();
    await call;
    store.mode = 'up';
    await clock.advance(20_000);

    expect(await halfOpen.leases()).toBe(0);
  });

  it('when the breaker is closed while its link is down, if the store can hear it', async () => {
    await using halfOpen = await createHalfOpen();
    const { store, clock } = halfOpen.fleet;
    const gate = createGate();
    const call = halfOpen.first.tryExecute(() => gate.pass());
    await clock.advance(0);
    store.mode = 'failing';
    await clock.advance(1_500);
    expect(halfOpen.first.snapshot().store).toBe('down');
    store.mode = 'up';

    await halfOpen.first.close();

    expect(await halfOpen.leases()).toBe(0);
    gate.open();
    await call;
  });

  it('and nothing is heard of a store that is gone by then', async () => {
    await using halfOpen = await createHalfOpen();
    delayLease(halfOpen.fleet, 0, 5_000);
    const call = succeed(halfOpen.first);
    const closing = halfOpen.first.close();
    await halfOpen.fleet.clock.advance(STORE_TIMEOUT_MS);
    await Promise.all([closing, call]);
    const before = halfOpen.fleet.store.sent.settle;
    halfOpen.fleet.store.mode = 'failing';

    await halfOpen.fleet.clock.advance(5_000);

    // An unhandled rejection would fail the run.
    expect(halfOpen.fleet.store.sent.settle - before).toBe(1);
    expect(halfOpen.fleet.log.filter((line) => line.startsWith('1 store'))).toEqual([]);
  });
});
