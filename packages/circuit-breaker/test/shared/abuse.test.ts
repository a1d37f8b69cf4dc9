import { expect, test } from 'vitest';
import { memoryBreakerStore, sharedCircuitBreaker } from '../../src/redis.ts';

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
  let asked = 0;
  const memory = memoryBreakerStore();
  const store = {
    ...memory,
    sync: (...args: Parameters<typeof memory.sync>) => ((asked += 1), memory.sync(...args)),
  };

  expect(() => sharedCircuitBreaker({ store, name: 'a', ...wrong })).toThrow(
    new TypeError(message),
  );
  expect(asked).toBe(0);
});
