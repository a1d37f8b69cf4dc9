import type { Policy, PolicySnapshot } from '../policy.ts';
import type { CircuitState, TransitionReason } from './circuit-contract.ts';
import type { CircuitBreakerRules, SavedCircuit } from './options.ts';

export interface CircuitBreakerEvents {
  readonly transition: {
    readonly from: CircuitState;
    readonly to: CircuitState;
    readonly reason: TransitionReason;
  };
  /** A call was turned away; `error` is what it was rejected with. */
  readonly reject: { readonly error: Error };
  /** In shadow mode: the first call since the last transition that would have been turned away, and was not. */
  readonly wouldReject: { readonly state: CircuitState };
  /** A failure was counted; a value that was judged to be one is its own `error`. */
  readonly failure: { readonly error: unknown };
  /** A slow call was counted. */
  readonly slow: { readonly durationMs: number };
}

/**
 * `calls = succeeded + failed + ignored + stale + rejected + aborted + inFlight`. Ignored: it said nothing about health,
 * or nobody judged it (shadow, off). Stale: the circuit had moved on. Aborted: before the work was called.
 */
export interface CircuitBreakerSnapshot extends PolicySnapshot {
  readonly kind: 'circuit-breaker';
  readonly state: CircuitState;
  readonly mode: 'enforce' | 'shadow' | 'off';
  readonly counters: Readonly<
    Record<'calls' | 'succeeded' | 'failed' | 'ignored' | 'stale' | 'rejected' | 'aborted', number>
  >;
  /** The window: what the trip decides by at this moment. */
  readonly gauges: Readonly<
    Record<'inFlight' | 'windowCalls' | 'windowFailures' | 'windowSlow', number>
  >;
}

export interface CircuitBreaker extends Policy<never, CircuitBreakerEvents> {
  /** The state at this moment: an expired open circuit reads as half-open without a call. */
  readonly state: CircuitState;
  /**
   * Rejects all calls until the returned function is called. Holds add up: the circuit stays isolated until each is
   * released, and releasing twice is harmless. Then the state before goes on: an open circuit keeps its remaining
   * wait, and results of calls that were admitted before have been counted.
   */
  isolate(): () => void;
  /** Closes the circuit and forgets what it has counted. An isolation stays. */
  reset(): void;
  /**
   * Changes the rules that are given. Counts are kept when the window keeps its shape; otherwise they, and the probes
   * in flight, are forgotten. The time of an opening that has begun stays.
   *
   * @throws {TypeError | RangeError} when a rule is wrong; then nothing has changed.
   */
  configure(rules: CircuitBreakerRules): void;
  /** The circuit as plain JSON for the option `restore`: its remaining wait, or its window. Isolations are not saved. */
  save(): SavedCircuit;
  snapshot(): CircuitBreakerSnapshot;
}
