import {
  createFakeClock,
  type BreakerSpec,
  type BreakerUnderTest,
  type Execute,
  type Library,
} from '@holdfast/testkit';
import {
  bulkhead,
  circuitBreaker,
  countWindow,
  fallback,
  isHoldfastError,
  pipeline,
  retry,
  timeout,
  timeWindow,
  type CircuitBreakerOptions,
  type Clock,
  type Policy,
} from '@holdfast/circuit-breaker';

/** This package, as the conformance rows see it. */
export const holdfast: Library = {
  name: 'holdfast',
  open() {
    const clock = createFakeClock({ startMs: 1_000_000 });
    const policies = new Map<Execute, Policy<unknown>>();
    const executeOf = (policy: Policy<unknown>): Execute => {
      const execute: Execute = (fn, signal) =>
        policy.execute((context) => fn(context.signal), { signal });
      policies.set(execute, policy);
      return execute;
    };
    return {
      clock,
      breaker: (spec, saved) => breakerOf(spec, saved, clock),
      retry: ({ attempts, baseMs, factor, retries, maxElapsedMs, retryAfterMs }) =>
        executeOf(
          retry({
            attempts,
            backoff: { baseMs, factor, capMs: Number.MAX_SAFE_INTEGER, jitter: 'none' },
            maxElapsedMs,
            classify: ({ ok, error }) =>
              ok
                ? undefined
                : { retry: retries?.(error) ?? true, retryAfterMs: retryAfterMs?.(error) },
            clock,
          }),
        ),
      timeout: (ms, events) => {
        const policy = timeout({ ms, clock });
        if (events !== undefined) policy.on('timeout', events.onTimeout);
        return executeOf(policy);
      },
      fallback: (alternative) => executeOf(fallback(alternative)),
      bulkhead: (limit, queue) => executeOf(bulkhead({ limit, queue, clock })),
      compose: (outer, inner) => executeOf(pipeline(policies.get(outer)!, policies.get(inner)!)),
      close: () => undefined,
    };
  },
};

/** The size is the window's. */
function slowOf({ overMs, rate }: NonNullable<BreakerSpec['slow']>) {
  return { overMs, rate };
}

function breakerOf(spec: BreakerSpec, saved: unknown, clock: Clock): BreakerUnderTest {
  const { ignores, failsOn, openMs = 60, growth = 1, probes = 1, slow } = spec;
  const breaker = circuitBreaker({
    trip:
      slow === undefined
        ? timeWindow({ spanMs: 10_000, failureRate: 0.5, minimumCalls: 4 })
        : countWindow({ size: slow.size, minimumCalls: slow.size, slow: slowOf(slow) }),
    openMs: { baseMs: openMs, factor: growth, jitter: 'none' },
    halfOpen: { probes, concurrent: probes },
    mode: spec.isShadow === true ? 'shadow' : 'enforce',
    classify: ({ ok, value, error }) => {
      if (ok) return failsOn?.(value) === true ? { verdict: 'failure' } : undefined;
      return ignores?.(error) === true ? { verdict: 'ignore' } : undefined;
    },
    restore: saved as CircuitBreakerOptions['restore'],
    clock,
  });
  let openings = 0;
  let wouldRejects = 0;
  breaker.on('transition', ({ to }) => (openings += to === 'open' ? 1 : 0));
  breaker.on('wouldReject', () => (wouldRejects += 1));
  return {
    execute: (fn, signal) => breaker.execute((context) => fn(context.signal), { signal }),
    get state() {
      return breaker.state;
    },
    get openings() {
      return openings;
    },
    isRejection: (error) => isHoldfastError(error, 'CIRCUIT_OPEN'),
    retryAfterMs: (error) => (error as { retryAfterMs?: number }).retryAfterMs,
    // A closed circuit tells of transitions, failures and slow calls, and any of those listeners may throw.
    onSuccess: (listener) => {
      breaker.on('transition', listener);
      breaker.on('failure', listener);
      breaker.on('slow', listener);
    },
    save: () => JSON.parse(JSON.stringify(breaker.save())) as unknown,
    isolate: () => breaker.isolate(),
    wouldRejects: () => wouldRejects,
  };
}
