/** One unit of work that is due in every cycle. */
export interface Zone<D = unknown> {
  /** Unique within a cycle; not empty. */
  readonly id: string;
  readonly data?: D | undefined;
}

/** Called once a cycle. May be lazy: a zone is asked for when there is room to start it. It must end. */
export type ZoneSource<D = unknown> = () =>
  Iterable<Zone<D>> | AsyncIterable<Zone<D>> | Promise<Iterable<Zone<D>> | AsyncIterable<Zone<D>>>;

/** Rejecting or throwing makes the zone failed in this cycle, and nothing else. */
export type ZoneHandler<D = unknown> = (zone: Zone<D>, context: ZoneContext) => Promise<void>;

export interface ZoneContext {
  /** Number of the cycle; the first is 1. */
  readonly cycle: number;
  /** Aborts when the zone times out, or when the scheduler is closed and cannot wait. Created when first read. */
  readonly signal: AbortSignal;
  /** When the zone times out, in the scheduler's monotonic milliseconds. */
  readonly deadlineMs: number;
}

/** `planned` is the sum of all the others: every zone that the source gave ends in exactly one of them. */
export interface ZoneCounts {
  readonly planned: number;
  readonly ok: number;
  readonly failed: number;
  /** Not settled in time, and aborted. */
  readonly timedOut: number;
  /** Not started in this cycle; goes first in the next one. */
  readonly deferred: number;
  /** Not started, because the handler has not settled since it timed out in an earlier cycle. */
  readonly skipped: number;
  /** Given by the source again in the same cycle. */
  readonly duplicates: number;
}

export interface ZoneFailure {
  /** Empty for something that the source gave and that is not a zone. */
  readonly zoneId: string;
  readonly message: string;
  /** The error's own `code`, where it has one. */
  readonly code?: string | undefined;
  readonly durationMs: number;
}

/** Plain JSON. */
export interface CycleReport {
  /** The first is 1. */
  readonly cycle: number;
  /** Milliseconds since the epoch. */
  readonly startedAtMs: number;
  /** How much later than its tick the cycle began; 0 for `runCycle()`. */
  readonly lagMs: number;
  readonly durationMs: number;
  /** Ticks that passed without a cycle since the report before. */
  readonly missedTicks: number;
  readonly zones: ZoneCounts;
  /** Failed and timed-out zones, the first ones up to `maxReportedFailures`. */
  readonly failures: readonly ZoneFailure[];
  /** How many more failures there were. */
  readonly failuresTruncated: number;
  /** Why the source was not read to its end. The zones that it gave before are accounted for. */
  readonly sourceError?:
    { readonly message: string; readonly code?: string | undefined } | undefined;
}

/** `finished + aborted` is how many handlers ran for the current cycle when `close()` was called. */
export interface DrainReport {
  readonly finished: number;
  readonly aborted: number;
  /** Zones whose handlers still run although they were aborted. */
  readonly zombies: readonly string[];
  readonly durationMs: number;
}

export interface ZoneSchedulerEvents {
  readonly cycle: CycleReport;
  /** So many ticks passed while a cycle was late. */
  readonly missed: { readonly ticks: number };
  /** A zone was aborted; it is not started again until its handler settles. */
  readonly zombie: { readonly zoneId: string; readonly cycle: number; readonly runningMs: number };
}

/** Counters since the scheduler was created, and gauges of this moment; plain JSON. */
export interface ZoneSchedulerSnapshot {
  readonly state: 'idle' | 'running' | 'closing' | 'closed';
  readonly isPaused: boolean;
  readonly counters: Readonly<Record<keyof ZoneCounts | 'cycles' | 'missedTicks', number>>;
  readonly gauges: Readonly<Record<'inFlight' | 'zombies' | 'deferred', number>>;
}

export interface ZoneScheduler extends AsyncDisposable {
  /**
   * Begins to tick: a first cycle now, then one at each multiple of `cycleMs` from now. Keeps the process alive until
   * `close()`.
   *
   * @throws {SchedulerClosedError} after `close()`.
   */
  start(): Promise<void>;
  /**
   * Runs one cycle now, with or without ticking, also while paused. It ends when every zone has settled or timed out.
   *
   * @throws {CycleRunningError} while another cycle runs. @throws {SchedulerClosedError} after `close()`.
   */
  runCycle(): Promise<CycleReport>;
  /** Starts no further zone: ticks pass unused, and what the current cycle has not started is deferred. */
  pause(): void;
  /** Goes on with the next tick. */
  resume(): void;
  /**
   * Starts no further zone, waits until what runs has settled, aborts it after `timeoutMs` (default: the scheduler's
   * `timeoutMs`). Further calls share the first one's promise.
   *
   * @throws {TypeError | RangeError} at once, when `timeoutMs` is not an integer of at least 0.
   */
  close(options?: { readonly timeoutMs?: number | undefined }): Promise<DrainReport>;
  /** Adds a listener and returns the function that removes it. A listener that throws changes no result. */
  on<K extends keyof ZoneSchedulerEvents>(
    event: K,
    listener: (payload: ZoneSchedulerEvents[K]) => void,
  ): () => void;
  snapshot(): ZoneSchedulerSnapshot;
}
