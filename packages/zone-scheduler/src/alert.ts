import type { CycleReport, FailureGroup, ZoneFailure } from './cycle-report.ts';

/**
 * What is wrong.
 *
 * - failure-rate    too many zones failed
 * - stale           a zone has not run to success for too many cycles, or the source has not given all zones for so long: an
 *                   actuator without supervision
 * - overrun         cycles end before all zones were started, or ticks are missed
 * - downstream      what all zones share is down
 * - coverage        shards that nobody owns: their zones are run by no instance
 * - shard-mismatch  the instances disagree on the shards
 */
export type AlertKind =
  'failure-rate' | 'stale' | 'overrun' | 'downstream' | 'coverage' | 'shard-mismatch';

export type AlertLevel = 'warning' | 'critical' | 'resolved';

/** One notification of an incident. Plain JSON. */
export interface Alert {
  readonly kind: AlertKind;
  readonly level: AlertLevel;
  /** One sentence for people. */
  readonly message: string;
  /** What is measured: a share, cycles or shards, by `kind`. */
  readonly value: number;
  /** Cycle whose report gave cause. */
  readonly cycle: number;
  /** First cycle of the incident. */
  readonly since: number;
  /** Cycles of the incident that were not told since the notification before. */
  readonly suppressed: number;
  readonly byError: readonly FailureGroup[];
  readonly failures: readonly ZoneFailure[];
  /** Zones in quarantine, which are in no failure rate. */
  readonly quarantined: number;
}

export interface AlertOptions {
  /** Failure rate above which, for `forCycles`, it is a warning; above 0, at most 1. Default 0.1. */
  readonly warning?: number | undefined;
  /** Failure rate above which it is critical at once; at least `warning`, at most 1. Default 0.3. */
  readonly critical?: number | undefined;
  /** Fewest zones that must have ended for a failure rate to say something; at least 1. Default 20. */
  readonly minZones?: number | undefined;
  /** Cycles in a row that make a warning; at least 1. Default 2. */
  readonly forCycles?: number | undefined;
  /** Cycles in a row that are well enough to end an incident; at least 1. Default 3. */
  readonly clearCycles?: number | undefined;
  /** From one notification of an incident that goes on to the next, milliseconds; at least 0. Default 900 000. */
  readonly repeatMs?: number | undefined;
  /** Cycles without a success, of those in which it is due, that make a zone stale; at least 1. Default 4. */
  readonly staleCycles?: number | undefined;
}

/** What the rules look at after a cycle. */
export interface AlertInput {
  readonly report: CycleReport;
  readonly nowMs: number;
  readonly isDownstreamDown: boolean;
  readonly unownedShards: number;
  readonly mismatch: string | undefined;
}
