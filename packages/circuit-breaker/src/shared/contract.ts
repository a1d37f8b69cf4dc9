import type { CircuitState, TransitionReason } from '../circuit-breaker/circuit-contract.ts';
import type { Policy, PolicySnapshot } from '../policy.ts';
import type { Tally } from './store.ts';

/** `adopted`: the store came or went, and with it who decides. */
export type SharedTransitionReason = TransitionReason | 'adopted';

export interface SharedCircuitBreakerEvents {
  /** The state that decides over this member's calls has changed. */
  readonly transition: {
    readonly from: CircuitState;
    readonly to: CircuitState;
    readonly reason: SharedTransitionReason;
  };
  /** A call was turned away; `error` is what it was rejected with. */
  readonly reject: { readonly error: Error };
  /** A failure was counted; a value that was judged to be one is its own `error`. */
  readonly failure: { readonly error: unknown };
  /** A slow call was counted. */
  readonly slow: { readonly durationMs: number };
  /** The votes to open that this member sees have changed, or how many it takes while there are some. */
  readonly vote: Tally;
  /** The store stopped answering, or answers again. */
  readonly store: { readonly ok: boolean; readonly error?: unknown };
}

/**
 * `calls = succeeded + failed + ignored + stale + rejected + aborted + inFlight`, for this member alone; `probes` of
 * them ran with a lease. Stale: the circuit had moved on, or the probe had been given up. Window, votes, members and
 * version: what was last seen; the version is 0 when the store knows nothing.
 */
export interface SharedCircuitBreakerSnapshot extends PolicySnapshot {
  readonly kind: 'shared-circuit-breaker';
  readonly state: CircuitState;
  /** `connecting`: not heard of yet. */
  readonly store: 'connecting' | 'up' | 'down' | 'closed';
  readonly counters: Readonly<
    Record<
      | 'calls'
      | 'succeeded'
      | 'failed'
      | 'ignored'
      | 'stale'
      | 'rejected'
      | 'aborted'
      | 'probes'
      | 'storeDowns',
      number
    >
  >;
  readonly gauges: Readonly<
    Record<
      | 'inFlight'
      | 'windowCalls'
      | 'windowFailures'
      | 'windowSlow'
      | 'votes'
      | 'members'
      | 'version',
      number
    >
  >;
}

export interface SharedCircuitBreaker extends Policy<never, SharedCircuitBreakerEvents> {
  /** What decides over this member's calls at this moment: the shared circuit, or its own while the store is down. */
  readonly state: CircuitState;
  /** Resolves when the store has answered for the first time (true), or has failed to (false). */
  ready(): Promise<boolean>;
  /**
   * Rejects all calls of this process, and of no other one, until the returned function is called. Holds add up; to
   * release one twice is harmless.
   */
  isolate(): () => void;
  snapshot(): SharedCircuitBreakerSnapshot;
  /**
   * Withdraws the member, and gives its leases back without a verdict; one that the store grants later, as soon as it
   * says so. Waits for each answer of the store at most `storeTimeoutMs`. From then on calls are protected by this
   * member's own circuit alone.
   */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}
