import type { Alert } from './alert.ts';
import type { CycleReport, DrainReport, ReportedLimit, ZoneCounts } from './cycle-report.ts';
import type { ShardsSnapshot } from './shards.ts';

export interface ZoneSchedulerEvents {
  readonly cycle: CycleReport;
  /** So many ticks passed while a cycle was late. */
  readonly missed: { readonly ticks: number };
  /** A zone was aborted; it is not started again until its handler settles. */
  readonly zombie: { readonly zoneId: string; readonly cycle: number; readonly runningMs: number };
  /** A zone went into quarantine, or left it. */
  readonly quarantine: { readonly zoneId: string; readonly isOn: boolean };
  /** The downstream was found down, or has come back. */
  readonly downstream: { readonly isDown: boolean };
  /** An incident began, became worse, was repeated or ended. */
  readonly alert: Alert;
}

/** Counters since the scheduler was created, and gauges of this moment; plain JSON. */
export interface ZoneSchedulerSnapshot {
  readonly state: 'idle' | 'running' | 'closing' | 'closed';
  readonly isPaused: boolean;
  readonly counters: Readonly<Record<keyof ZoneCounts | 'cycles' | 'missedTicks', number>>;
  readonly gauges: Readonly<
    Record<'inFlight' | 'zombies' | 'deferred' | 'quarantined' | 'limit', number>
  >;
  readonly isDownstreamDown: boolean;
  readonly explanation: ReportedLimit;
  readonly shards: ShardsSnapshot;
}

export interface ZoneScheduler extends AsyncDisposable {
  /**
   * Takes its shards and begins to tick: a first cycle now, then one at each multiple of `cycleMs` from now. Keeps the
   * process alive until `close()`.
   *
   * @throws {SchedulerClosedError} after `close()`. @throws what the source of shards throws; the next call tries again then.
   */
  start(): Promise<void>;
  /**
   * Runs one cycle now, with or without ticking, also while paused. It ends when every zone has settled or timed out, or
   * when the downstream has been down for `cycleMs`. Takes the shards first, if `start()` has not.
   *
   * @throws {CycleRunningError} while another cycle runs. @throws {SchedulerClosedError} after `close()`.
   */
  runCycle(): Promise<CycleReport>;
  /** Starts no further zone: ticks pass unused, and what the current cycle has not started is deferred. */
  pause(): void;
  /** Goes on with the next tick. */
  resume(): void;
  /** Ends the quarantine of a zone, and returns whether it was in one. */
  release(zoneId: string): boolean;
  /**
   * Starts no further zone, waits until what runs has settled, aborts it after `timeoutMs` (default: the scheduler's
   * `timeoutMs`), and gives the shards back. Further calls share the first one's promise.
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
