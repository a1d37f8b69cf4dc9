import {
  adaptiveThrottle,
  bulkhead,
  cachedFallback,
  circuitBreaker,
  fallback,
  hedge,
  keyed,
  memoryCacheStore,
  pipeline,
  rateLimiter,
  retry,
  timeout,
  type Clock,
  type Policy,
} from '../src/index.ts';

const store = memoryCacheStore({ maxEntries: 10 });

/** One of each, with waits of a minute wherever there can be one. */
export const everyPolicy: Record<string, (clock?: Clock) => Policy<unknown>> = {
  retry: (clock) => retry({ backoff: { baseMs: 60_000, capMs: 60_000 }, clock }),
  circuitBreaker: (clock) => circuitBreaker({ clock }),
  timeout: (clock) => timeout({ ms: 60_000, clock }),
  fallback: () => fallback(0),
  cachedFallback: (clock) => cachedFallback({ store, staleIfErrorMs: 60_000, clock }),
  bulkhead: (clock) => bulkhead({ limit: 2, queue: 2, queueWaitMs: 60_000, clock }),
  rateLimiter: (clock) => rateLimiter({ permits: 1_000_000, perMs: 1, maxWaitMs: 60_000, clock }),
  hedge: (clock) => hedge({ afterMs: 60_000, clock }),
  adaptiveThrottle: (clock) => adaptiveThrottle({ clock }),
  keyed: (clock) => keyed({ create: () => circuitBreaker({ clock }) }),
  pipeline: (clock) =>
    pipeline(retry({ clock }), circuitBreaker({ clock }), timeout({ ms: 60_000, clock })),
};
