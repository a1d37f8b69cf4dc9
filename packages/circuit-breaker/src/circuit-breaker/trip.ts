/** What a circuit remembers of its calls; O(1) in time and memory for each call, whatever the traffic. */
export interface CallWindow {
  readonly calls: number;
  readonly failures: number;
  readonly slow: number;
  /** Counts one call. */
  record(isFailure: boolean, isSlow: boolean, nowMs: number): void;
  /** Forgets what is too old at `nowMs`. */
  expire(nowMs: number): void;
  /** Numbers from which `restore` makes the same window. */
  save(nowMs: number): readonly number[];
  /** @throws {RangeError} unless `saved` comes from a window of the same shape. */
  restore(saved: readonly number[], savedAtMs: number, nowMs: number): void;
}

/** When a circuit opens: what it remembers, and what is too much. Made by `consecutive`, `countWindow` and `timeWindow`. */
export interface Trip {
  /** Windows of the same shape can take each other's place, when a circuit is configured or restored. */
  readonly shape: string;
  /** A call that took longer, milliseconds, is slow. */
  readonly slowOverMs: number;
  createWindow(): CallWindow;
  isTripped(window: CallWindow): boolean;
}
