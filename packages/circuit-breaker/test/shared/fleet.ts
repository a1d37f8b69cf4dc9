import { createFakeClock, type FakeClock } from '@holdfast/testkit';
import { consecutive } from '../../src/circuit-breaker/consecutive.ts';
import type { SharedCircuitBreaker } from '../../src/shared/contract.ts';
import { memoryBreakerStore } from '../../src/shared/memory-breaker-store.ts';
import type { SharedCircuitBreakerOptions } from '../../src/shared/options.ts';
import { sharedCircuitBreaker } from '../../src/shared/shared-circuit-breaker.ts';
import { flakyStore, type FlakyStore } from './flaky-store.ts';

export interface Fleet extends AsyncDisposable {
  readonly clock: FakeClock;
  readonly store: FlakyStore;
  readonly members: readonly SharedCircuitBreaker[];
  /** Of all members, as `<member> <event> <what>`. */
  readonly log: string[];
  /** One more member, of the same circuit. */
  join(options?: Partial<SharedCircuitBreakerOptions>): Promise<SharedCircuitBreaker>;
  states(): string[];
}

export const OPEN_MS = 5_000;
export const POLL_MS = 1_000;

/** So many members of one circuit in this process, on one store that can be broken; one failure trips each of them. */
export async function createFleet(
  size: number,
  options: Partial<SharedCircuitBreakerOptions> = {},
): Promise<Fleet> {
  const clock = createFakeClock();
  const store = flakyStore(memoryBreakerStore({ clock }));
  const members: SharedCircuitBreaker[] = [];
  const log: string[] = [];
  const fleet: Fleet = {
    clock,
    store,
    members,
    log,
    async join(own = {}) {
      const breaker = sharedCircuitBreaker({
        name: 'upstream',
        store,
        clock,
        random: () => 0,
        trip: consecutive(1),
        openMs: { baseMs: OPEN_MS, jitter: 'none' },
        quorum: 'any',
        halfOpen: { probes: 1 },
        ...options,
        ...own,
      });
      const name = members.push(breaker);
      breaker.on('transition', ({ from, to, reason }) =>
        log.push(`${name} ${from}->${to} ${reason}`),
      );
      breaker.on('store', ({ ok }) => log.push(`${name} store ${ok ? 'up' : 'down'}`));
      await breaker.ready();
      return breaker;
    },
    states: () => members.map(({ state }) => state),
    async [Symbol.asyncDispose]() {
      store.mode = 'up';
      await Promise.all(members.map((member) => member.close()));
    },
  };
  for (let n = 0; n < size; n += 1) await fleet.join();
  return fleet;
}

/** One call that fails; what it was rejected with, or 'failed' when the work was called. */
export async function fail(breaker: SharedCircuitBreaker): Promise<string> {
  return call(breaker, () => Promise.reject(new Error('failed')));
}

/** One call that succeeds. */
export async function succeed(breaker: SharedCircuitBreaker): Promise<string> {
  return call(breaker, () => Promise.resolve('fine'));
}

async function call(breaker: SharedCircuitBreaker, fn: () => Promise<string>): Promise<string> {
  const { ok, value, error } = await breaker.tryExecute(fn);
  if (ok) return value;
  const { code, message } = error as { code?: string; message: string };
  return code ?? message;
}

export function isAccountedFor(breaker: SharedCircuitBreaker): boolean {
  const { counters, gauges } = breaker.snapshot();
  const { calls, succeeded, failed, ignored, stale, rejected, aborted } = counters;
  return calls === succeeded + failed + ignored + stale + rejected + aborted + gauges.inFlight;
}
