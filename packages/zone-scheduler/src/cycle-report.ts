import type { LimitExplanation } from './controller.ts';
import type { FailureClass } from './zone.ts';

/** `planned` is the sum of all the others: every zone that is due and ours ends in exactly one of them. */
export interface ZoneCounts {
  readonly planned: number;
  readonly ok: number;
  readonly failed: number;
  /** Not settled in time, and aborted. */
  readonly timedOut: number;
  /** Taken over by another instance before it was started or while it ran, and aborted. */
  readonly fenced: number;
  /** Not started in this cycle; goes first in the next one. */
  readonly deferred: number;
  /** Not started in this cycle, and not carried over: `overrun` is `skip`. */
  readonly skipped: number;
  /** Not started because it failed again and again; its turn comes back. */
  readonly quarantined: number;
  /** Not started, because the handler has not settled since it was aborted in an earlier cycle. */
  readonly stuck: number;
  /** Given by the source again in the same cycle. */
  readonly duplicates: number;
}

export interface ZoneFailure {
  /** Empty for something that the source gave and that is not a zone. */
  readonly zoneId: string;
  readonly class: FailureClass;
  /** At most 500 characters: what is longer ends in an ellipsis, as do `code` and the keys of groups. */
  readonly message: string;
  /** The error's own `code`, where it has one. */
  readonly code?: string | undefined;
  readonly durationMs: number;
}

/** Failures with the same class and the same code, or the same message where there is no code. */
export interface FailureGroup {
  readonly class: FailureClass;
  readonly key: string;
  readonly count: number;
}

/**
 * How a cycle went.
 *
 * - ok       all planned zones ran and none failed
 * - partial  some failed, timed out, were fenced, quarantined or stuck, the source was not read to its end, or the
 *            controller threw
 * - overrun  the time of the cycle was over before all were started, or handlers that ignore their abort held all places
 * - aborted  `pause()` or `close()` kept zones from being started, `close()` aborted what ran, or the downstream was down
 *            when it ended
 */
export type CycleOutcome = 'ok' | 'partial' | 'overrun' | 'aborted';

/** Plain JSON. */
export interface CycleReport {
  /** The first is 1. */
  readonly cycle: number;
  readonly outcome: CycleOutcome;
  /** Milliseconds since the epoch. */
  readonly startedAtMs: number;
  /** How much later than its tick the cycle began; 0 for `runCycle()`. */
  readonly lagMs: number;
  readonly durationMs: number;
  /** Ticks that passed without a cycle since the report before. */
  readonly missedTicks: number;
  readonly zones: ZoneCounts;
  /** Zones that the source gave and that are another instance's, or not due in this cycle. Not planned. */
  readonly notPlanned: { readonly elsewhere: number; readonly notDue: number };
  /** Failed and timed-out zones of those that ended; 0 when none did. */
  readonly failureRate: number;
  /** Failed and timed-out zones, the first ones up to `maxReportedFailures`. */
  readonly failures: readonly ZoneFailure[];
  /** How many more failures there were. */
  readonly failuresTruncated: number;
  /** All failures by cause, the most frequent first, at most 20; what does not fit is in the last, of key `other`. */
  readonly byError: readonly FailureGroup[];
  /** Of the runs that succeeded, to about 1 %; null when none did. */
  readonly latency: LatencySummary | null;
  readonly concurrency: {
    /** Mean and most zones in flight, suspects included. */
    readonly mean: number;
    readonly max: number;
    /** Why the limit is what it was at the end. */
    readonly explanation: ReportedLimit;
    /** Slots of the suspects' own lane, beside the limit. */
    readonly suspectSlots: number;
  };
  /**
   * For how many of its cycles in a row a zone has not run to success; 0 when all did the last time. While the source is
   * not read to its end, that is a cycle without success for whatever it may not have given.
   */
  readonly staleness: {
    readonly maxCycles: number;
    /** The stalest zones, at most 5. Empty also when it is those that no source has given for so many cycles. */
    readonly oldest: readonly string[];
  };
  /** Why the source was not read to its end. The zones that it gave before are accounted for. */
  readonly sourceError?: ReportedError | undefined;
  /** What the controller threw first. The limit that it gave last stayed in force. */
  readonly controllerError?: ReportedError | undefined;
}

/** What of an error fits into a report. */
export interface ReportedError {
  /** At most 500 characters, as of a failure. */
  readonly message: string;
  /** The error's own `code`, where it has one. */
  readonly code?: string | undefined;
}

/** Why the limit is what it is, as plain JSON: null stands for what is not known, or for no bound. */
export type ReportedLimit = {
  readonly [K in keyof LimitExplanation]: K extends 'limit' | 'binding'
    ? LimitExplanation[K]
    : number | null;
};

export interface LatencySummary {
  readonly p50Ms: number;
  readonly p90Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** `finished + aborted` is how many handlers ran for the current cycle when `close()` was called. */
export interface DrainReport {
  readonly finished: number;
  readonly aborted: number;
  /** Zones whose handlers still run although they were aborted. */
  readonly zombies: readonly string[];
  readonly durationMs: number;
}
