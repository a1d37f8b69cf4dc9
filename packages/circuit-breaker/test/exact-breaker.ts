import { circuitBreaker, consecutive } from '../src/index.ts';
import type { CircuitBreaker, CircuitBreakerOptions } from '../src/index.ts';

export interface ExactOptions extends Omit<CircuitBreakerOptions, 'openMs' | 'halfOpen'> {
  readonly failures?: number;
  readonly openMs?: number;
  readonly probes?: number;
  readonly maxWaitMs?: number;
}

/** A breaker that opens after so many failures in a row, each time for just `openMs`, and lets all its probes in at once. */
export function exactBreaker(options: ExactOptions = {}): CircuitBreaker {
  const { failures = 5, openMs = 30_000, probes = 1, maxWaitMs, ...rest } = options;
  return circuitBreaker({
    trip: consecutive(failures),
    openMs: { baseMs: openMs, capMs: openMs, jitter: 'none' },
    halfOpen: { probes, concurrent: probes, maxWaitMs },
    ...rest,
  });
}
