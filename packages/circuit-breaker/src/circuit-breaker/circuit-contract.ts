import type { Trip } from './trip.ts';

export type RunningState = 'closed' | 'open' | 'half-open' | 'ramping';
export type CircuitState = RunningState | 'isolated';

export type TransitionReason =
  | 'tripped'
  | 'probe-failed'
  | 'probe-expired'
  | 'waited'
  | 'probes-succeeded'
  | 'ramped'
  | 'isolated'
  | 'released'
  | 'reset';

export interface CircuitRules {
  readonly trip: Trip;
  /** How long the `opens`th opening in a row lasts, milliseconds; `previousMs` is how long the one before did, 0 at first. */
  readonly openMs: (opens: number, previousMs: number) => number;
  readonly probes: number;
  readonly concurrent: number;
  readonly maxFailures: number;
  /** Undefined: as long as the circuit was open. */
  readonly maxWaitMs: number | undefined;
  readonly rampMs: number;
}

export type Verdict = 'success' | 'failure' | 'ignore';

export interface Result {
  readonly verdict: Verdict;
  /** What the dependency asked for: an opening lasts at least so long. */
  readonly retryAfterMs?: number | undefined;
}

/** The right to call the work once; `NOT_ADMITTED` is none. */
export type Admission = number;
export const NOT_ADMITTED: Admission = 0;

/** Hears what happens, when it has happened. */
export interface CircuitObserver {
  onTransition(from: CircuitState, to: CircuitState, reason: TransitionReason): void;
}

export interface CircuitSave {
  readonly opens: number;
  /** How long the present or the last opening lasts in all. */
  readonly openMs: number;
  /** How much of it is left; undefined: not open. */
  readonly remainingMs: number | undefined;
  readonly window: readonly number[];
}
