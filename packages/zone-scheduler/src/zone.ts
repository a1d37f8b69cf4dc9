import type { Fence } from './shards.ts';

/**
 * One unit of work that is due in every cycle. Other fields are ignored, and the handler does not see them: what it needs is
 * `data`. A zone that breaks a rule of its fields is a failure of class `bug` in the report.
 */
export interface Zone<D = unknown> {
  /** Unique within a cycle; not empty. */
  readonly id: string;
  readonly data?: D | undefined;
  /** 0 goes before 1, and 1 before 2, among the zones that have been read. Default 1. */
  readonly priority?: 0 | 1 | 2 | undefined;
  /** How long a run takes, relative to a zone of weight 1; above 0. Default 1. */
  readonly weight?: number | undefined;
  /** What a run may take, milliseconds; at least 1. Default: that of the scheduler. */
  readonly timeoutMs?: number | undefined;
  /** Runs in each so many-th cycle only; which one follows from the id, so that they spread. At least 1. Default 1. */
  readonly every?: number | undefined;
}

/**
 * Called once a cycle. It may be lazy: it is read ahead by `maxReadAhead` zones at most. It must end: the ids that it gave are
 * kept, and in `runCycle()` nothing else ends the reading.
 */
export type ZoneSource<D = unknown> = () =>
  Iterable<Zone<D>> | AsyncIterable<Zone<D>> | Promise<Iterable<Zone<D>> | AsyncIterable<Zone<D>>>;

/** Rejecting or throwing makes the zone failed in this cycle, and nothing else. */
export type ZoneHandler<D = unknown> = (zone: Zone<D>, context: ZoneContext) => Promise<void>;

/** What a run of a zone gets. Each member may be used by itself: `(zone, { signal, pushBack }) => …`. */
export interface ZoneContext {
  /** Number of the cycle; the first is 1. */
  readonly cycle: number;
  /**
   * Aborts when the zone times out, when its shard is lost, or when the scheduler is closed and cannot wait. Created
   * when first read.
   */
  readonly signal: AbortSignal;
  /** When the zone times out, in the scheduler's monotonic milliseconds. */
  readonly deadlineMs: number;
  /** Proof of ownership for writes that must be fenced; undefined when nobody can take the zone away. */
  readonly fence: Fence | undefined;
  /**
   * To be called before each effect that cannot be fenced: compares clocks only, so that a pause between the check and the
   * effect is not covered.
   *
   * @throws {OwnershipLostError} when the zone is no longer this instance's.
   */
  readonly assertOwned: () => void;
  /** Tells the controller that the downstream asked for less: a pool that timed out, a quota, SQLSTATE 53300. */
  readonly pushBack: () => void;
}

/**
 * Whose fault a failure is.
 *
 * - zone        of this zone alone: its gateway, its data
 * - downstream  of what all zones share: the database, the broker
 * - timeout     did not settle in time; of the zone, unless nearly all do
 * - ownership   the zone went to another instance; no failure
 * - bug         of the handler's code
 */
export type FailureClass = 'zone' | 'downstream' | 'timeout' | 'ownership' | 'bug';

/** Tells whose fault an error is. Of one that throws, or gives no class, the zone fails with a `ClassifyError`, a `bug`. */
export type Classify<D = unknown> = (error: unknown, zone: Zone<D>) => FailureClass;
