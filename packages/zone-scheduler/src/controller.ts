/** What one window of a cycle saw of the healthy zones; suspects never reach a controller. Latencies are of runs that succeeded. */
export interface WindowStats {
  readonly durationMs: number;
  /** Runs that ended in the window, whatever became of them. */
  readonly completed: number;
  readonly failed: number;
  readonly timedOut: number;
  /** Latencies of successes; NaN when there was none. */
  readonly meanMs: number;
  readonly p50Ms: number;
  readonly p90Ms: number;
  /**
   * Integral of the zones in flight over the window, slot-milliseconds. Divided by `completed` it is the slot time of one
   * run by the operational form of Little's law, which is right even while hung zones have not ended.
   */
  readonly slotMs: number;
  readonly maxInFlight: number;
  /** Whether the limit was in use, so that the window says what more slots would bring. */
  readonly isFull: boolean;
  /** Whether zones waited for a slot at its end: else the limit held nobody back. */
  readonly hasWaiting: boolean;
  /** How late the event loop ran the timer that ended the window. */
  readonly loopDelayMs: number;
  /** A handler reported push-back of the downstream in the window. */
  readonly isPushedBack: boolean;
}

/** What is left to do of a cycle. */
export interface PlanInput {
  /** Healthy zones that have not ended; by weight. */
  readonly remaining: number;
  /** Until the cycle should be done (`targetFraction` of it), milliseconds; may be negative. */
  readonly leftMs: number;
}

/** Why the limit is what it is. */
export interface LimitExplanation {
  readonly limit: number;
  /** The term that decided. */
  readonly binding: 'feed-forward' | 'cap' | 'min' | 'max' | 'probe' | 'fixed';
  /** Slots that finish what is left in time; NaN when the controller does not look ahead. */
  readonly feedForward: number;
  /** Most slots that the downstream is known to bear; Infinity when nothing limits it. */
  readonly cap: number;
  /** Latency of a zone on an idle downstream; NaN when it is not known. */
  readonly noLoadMs: number;
  /** Latency of now over `noLoadMs`; NaN when it is not known. */
  readonly inflation: number;
}

/**
 * Decides how many zones are in work at the same time. Pure: it has no timer and no clock, so that the same object runs
 * in the scheduler and in the simulator. It belongs to one scheduler, until that is closed.
 */
export interface Controller {
  /** How many zones start alone at the beginning of a cycle, as the sample of an idle downstream; 0: none. */
  readonly probeZones: number;
  /** From one `observe` to the next. */
  readonly windowMs: number;
  /**
   * Latencies of the probes of a cycle that did not fail, in any order. One that still runs counts with what it has taken
   * so far, which changes no median: the sample ends when more than half have ended.
   */
  probe(latenciesMs: readonly number[]): void;
  /** Called when a cycle starts, after its probe, and after every window. */
  plan(input: PlanInput): void;
  observe(window: WindowStats): void;
  /** Most slots that it ever gives. */
  readonly max: number;
  /** An integer of at least 1, and at most `max`. */
  readonly limit: number;
  explain(): LimitExplanation;
  /** What was learned, as plain JSON, for `restore` after a restart. */
  snapshot(): unknown;
  /** @throws {TypeError} when it is not what `snapshot()` of this kind of controller gave. */
  restore(snapshot: unknown): void;
}
