import { expect, test, vi } from 'vitest';
import { memoryBreakerStore, redisBreakerStore, sharedCircuitBreaker } from '../../src/redis.ts';

const NAMES =
  'store, name, trip, openMs, halfOpen, classify, quorum, pollMs, leaseMs, storeTimeoutMs, member, clock, random';

test.each<[object, string]>([
  [{ poll: 5 }, `poll is not an option of sharedCircuitBreaker; its options are ${NAMES}`],
  [{ poll: undefined }, `poll is not an option of sharedCircuitBreaker; its options are ${NAMES}`],
  [{ mode: undefined }, 'mode must be left out: a shared circuit has none'],
  [
    { halfOpen: { probe: 1 } },
    'halfOpen.probe is not an option; those of halfOpen are probes, concurrent, maxFailures, maxWaitMs',
  ],
])('sharedCircuitBreaker refuses %j before it asks the store', (wrong, message) => {
  const ask = vi.fn(() => Promise.reject(new Error('not a store')));
  const store = { read: ask, sync: ask, lease: ask, settle: ask, leave: ask };

  expect(() => sharedCircuitBreaker({ store, name: 'a', ...wrong })).toThrow(
    new TypeError(message),
  );
  expect(ask).not.toHaveBeenCalled();
});

test.each<[string, () => unknown, string]>([
  [
    'memoryBreakerStore',
    () => memoryBreakerStore({ clocks: 1 } as object),
    'clocks is not an option of memoryBreakerStore; its options are clock',
  ],
  [
    'redisBreakerStore',
    () =>
      redisBreakerStore({ status: 'ready', call: () => Promise.resolve() }, {
        prefx: 'a',
      } as object),
    'prefx is not an option of redisBreakerStore; its options are prefix',
  ],
])('%s refuses a name that it does not know', (_, create, message) => {
  expect(create).toThrow(new TypeError(message));
});
