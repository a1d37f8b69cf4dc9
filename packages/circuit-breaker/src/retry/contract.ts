import type { Policy, PolicySnapshot } from '../policy.ts';

/**
 * Why there is no further attempt.
 *
 * - `attempts`       all have been made
 * - `elapsed`        the wait would end after `maxElapsedMs`
 * - `deadline`       the wait would end after the call's deadline
 * - `budget`         the budget has refused
 * - `not-retryable`  the classifier says so
 * - `ambiguous`      the work may have been done, and the call is not `idempotent`
 * - `open-circuit`   a circuit breaker inside has rejected the call
 * - `nested`         a retry inside has given up already
 */
export type GiveUpReason =
  | 'attempts'
  | 'elapsed'
  | 'deadline'
  | 'budget'
  | 'not-retryable'
  | 'ambiguous'
  | 'open-circuit'
  | 'nested';

export interface RetryEvents {
  /** Another attempt follows `delayMs` after attempt number `attempt` failed; a value that was judged to be a failure is its own `error`. */
  readonly retry: { readonly attempt: number; readonly delayMs: number; readonly error: unknown };
  /** No further attempt. Not emitted when the caller aborted. */
  readonly giveUp: {
    readonly attempts: number;
    readonly reason: GiveUpReason;
    readonly error: unknown;
  };
}

/** `calls = succeeded + gaveUp + aborted + inFlight`. */
export interface RetrySnapshot extends PolicySnapshot {
  readonly kind: 'retry';
  readonly counters: Readonly<
    Record<'calls' | 'succeeded' | 'gaveUp' | 'aborted' | 'retries', number>
  >;
  readonly gauges: Readonly<Record<'inFlight', number>>;
}

export interface RetryPolicy extends Policy<never, RetryEvents> {
  snapshot(): RetrySnapshot;
}
