import {
  NotApplicable,
  type BreakerSpec,
  type BreakerUnderTest,
  type Execute,
  type Library,
  type RetrySpec,
} from '@holdfast/testkit';
import * as cockatiel from 'cockatiel';
import { installVirtualTime } from './virtual-time.ts';

/** cockatiel 3, with the options that come nearest to what each row asks for. */
export const cockatielLibrary: Library = {
  name: 'cockatiel',
  open() {
    const { clock, uninstall } = installVirtualTime();
    const policies = new Map<
      Execute,
      cockatiel.IPolicy<cockatiel.IDefaultPolicyContext, unknown>
    >();
    const executeOf = (
      policy: cockatiel.IPolicy<cockatiel.IDefaultPolicyContext, unknown>,
    ): Execute => {
      const execute: Execute = (fn, signal) =>
        policy.execute((context) => Promise.resolve(fn(context.signal)), signal);
      policies.set(execute, policy);
      return execute;
    };
    return {
      clock,
      breaker: breakerOf,
      retry: (spec) => executeOf(retryOf(spec)),
      timeout: (ms, events) => {
        const policy = cockatiel.timeout(ms, cockatiel.TimeoutStrategy.Aggressive);
        if (events !== undefined) policy.onTimeout(events.onTimeout);
        return executeOf(policy);
      },
      // Its factory gets no argument.
      fallback: (alternative) => executeOf(cockatiel.fallback(cockatiel.handleAll, alternative)),
      bulkhead: (limit, queue) => executeOf(cockatiel.bulkhead(limit, queue)),
      compose: (outer, inner) =>
        executeOf(cockatiel.wrap(policies.get(outer)!, policies.get(inner)!)),
      close: uninstall,
    };
  },
};

function retryOf({
  attempts,
  baseMs,
  factor,
  retries,
  maxElapsedMs,
  retryAfterMs,
}: RetrySpec): cockatiel.RetryPolicy {
  if (maxElapsedMs !== undefined) throw new NotApplicable('maxElapsed');
  if (retryAfterMs !== undefined) throw new NotApplicable('Retry-After');
  return cockatiel.retry(cockatiel.handleWhen(retries ?? (() => true)), {
    maxAttempts: attempts - 1,
    backoff: new cockatiel.ExponentialBackoff({
      initialDelay: baseMs,
      exponent: factor ?? 1,
      maxDelay: 1e9,
      generator: cockatiel.noJitterGenerator,
    }),
  });
}

function breakerOf(spec: BreakerSpec, saved?: unknown): BreakerUnderTest {
  const { ignores, failsOn, openMs = 60, growth = 1, slow, probes = 1, isShadow } = spec;
  if (slow !== undefined) throw new NotApplicable('slow calls');
  if (probes !== 1) throw new NotApplicable('more than one probe');
  if (isShadow === true) throw new NotApplicable('shadow mode');
  const errors = cockatiel.handleWhen((error) => ignores?.(error) !== true);
  const breaker = cockatiel.circuitBreaker(
    failsOn === undefined ? errors : errors.orWhenResult(failsOn),
    {
      halfOpenAfter:
        growth === 1
          ? openMs
          : new cockatiel.ExponentialBackoff({
              initialDelay: openMs,
              exponent: growth,
              generator: cockatiel.noJitterGenerator,
            }),
      breaker: new cockatiel.SamplingBreaker({
        threshold: 0.5,
        duration: 10_000,
        // At least 4 calls in those 10 s.
        minimumRps: 0.4,
      }),
      initialState: saved,
    },
  );
  let openings = 0;
  breaker.onBreak(() => (openings += 1));
  return {
    execute: (fn, signal) =>
      breaker.execute((context) => Promise.resolve(fn(context.signal)), signal),
    get state() {
      return STATES[breaker.state];
    },
    get openings() {
      return openings;
    },
    isRejection: (error) => error instanceof cockatiel.BrokenCircuitError,
    retryAfterMs: () => undefined,
    onSuccess: (listener) => breaker.onSuccess(listener),
    save: () => JSON.parse(JSON.stringify(breaker.toJSON())) as unknown,
    isolate: () => {
      const handle = breaker.isolate();
      return () => handle.dispose();
    },
  };
}

const STATES = {
  [cockatiel.CircuitState.Closed]: 'closed',
  [cockatiel.CircuitState.Open]: 'open',
  [cockatiel.CircuitState.HalfOpen]: 'half-open',
  [cockatiel.CircuitState.Isolated]: 'isolated',
} as const;
