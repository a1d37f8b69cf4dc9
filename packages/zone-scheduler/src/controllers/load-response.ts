import { MEDIAN_ERROR, deviationOf } from './median.ts';

/** A window in which the latency was too high. */
export interface SlowWindow {
  readonly durationMs: number;
  /** Zones in work, in the mean. */
  readonly inWork: number;
  readonly p50Ms: number;
  readonly p90Ms: number;
  readonly succeeded: number;
}

/** Fewest windows with less in work, and with more. */
const FEWEST = 3;
/** What counts as less, and as more, as multiples of what is in work now. */
const LESS = 1.05;
const MORE = 1.1;
/** Standard errors that make it sure. */
const SURE = 2;

/** Windows that are kept. */
const MOST_WINDOWS = 20;
/** Times the latency of an idle downstream. From there on it is the load: if not ours, then that of others. */
const SLOWEST = 1.5;
/** By how much that latency may rise with each cycle's probes: in a lasting overload they are not of an idle downstream. */
const DRIFT = 1.01;

/**
 * The windows since the latency has become too high, and whether the load explains them.
 *
 * One who has a small part of a load sees its latency hardly fall with that part. Of several instances on one overloaded
 * downstream each would find so that it is not the load, and take back what it has cut: so nothing is given back for a
 * latency that is far above that of the probes.
 */
export class LoadResponse {
  /** In a snapshot: two numbers, and so many for each window, for so many windows at most. */
  static readonly MOST_NUMBERS = 2 + 5 * MOST_WINDOWS;
  #slow: SlowWindow[] = [];
  /** 0 before the first probes. */
  #idleMs = 0;
  #unloadedMs = 0;

  /** The latency that no load explains, if one was found since the last probes; else 0. */
  get unloadedMs(): number {
    return this.#unloadedMs;
  }

  /** Most zones in work, in the mean of a window. */
  get mostInWork(): number {
    return Math.max(0, ...this.#slow.map(({ inWork }) => inWork));
  }

  /** @param noLoadMs the latency of an idle downstream, as the probes say. */
  probed(noLoadMs: number): void {
    this.#idleMs = this.#idleMs === 0 ? noLoadMs : Math.min(noLoadMs, this.#idleMs * DRIFT);
    this.#unloadedMs = 0;
  }

  /** Returns whether it is sure that the latency does not come from the load. */
  see(window: SlowWindow): boolean {
    this.#slow = [...this.#slow, window].slice(-MOST_WINDOWS);
    const latencyMs = unloadedLatencyMs(this.#slow);
    if (latencyMs === undefined || latencyMs > SLOWEST * this.#idleMs) return false;
    this.#unloadedMs = latencyMs;
    return true;
  }

  clear(): void {
    this.#slow = [];
  }

  snapshot(): number[] {
    const windows = this.#slow.map(({ durationMs, inWork, p50Ms, p90Ms, succeeded }) => [
      ...[durationMs, inWork, p50Ms, p90Ms, succeeded],
    ]);
    return [this.#idleMs, this.#unloadedMs, ...windows.flat()];
  }

  restore([idleMs = 0, unloadedMs = 0, ...numbers]: readonly number[]): void {
    this.clear();
    this.#idleMs = idleMs;
    this.#unloadedMs = unloadedMs;
    for (let index = 0; index + 4 < numbers.length; index += 5) {
      const five = numbers.slice(index, index + 5);
      const [durationMs = 0, inWork = 0, p50Ms = 0, p90Ms = 0, succeeded = 0] = five;
      this.#slow.push({ durationMs, inWork, p50Ms, p90Ms, succeeded });
    }
  }
}

/**
 * The latency that no load explains, or undefined when it may be the load. On a saturated downstream the latency falls in
 * proportion to what is in work, for the rate stays what it is (J. D. C. Little, Operations Research 9, 1961). If it does
 * not fall, the downstream is slower than it was thought to be: less in work then only makes the rate fall, and with the
 * rate what seems to be borne, down to nothing.
 *
 * @param slow windows in a row, the oldest first, of which the first has seen the step and tells of neither side.
 */
export function unloadedLatencyMs(slow: readonly SlowWindow[]): number | undefined {
  const windows = slow.map((window, index) => atItsStart(slow, window, index)).slice(1);
  const newest = windows.slice(-FEWEST);
  const inWork = sum(newest, (window) => window.inWork) / newest.length;
  const less = groupOf(windows.filter((window) => window.inWork < LESS * inWork));
  const more = groupOf(windows.filter((window) => window.inWork > MORE * inWork));
  if (less === undefined || more === undefined) return undefined;
  const fall = less.p50Ms / more.p50Ms;
  // Nearer to no fall at all than to one in proportion.
  const halfway = (1 + less.inWork / more.inWork) / 2;
  const error = fall * Math.sqrt(less.variance + more.variance);
  return fall - halfway > SURE * error ? less.p50Ms : undefined;
}

/** With what was in work when the runs of the window began, which may be some windows ago: that is what they waited for. */
function atItsStart(slow: readonly SlowWindow[], window: SlowWindow, index: number): SlowWindow {
  const before = Math.round(window.p90Ms / window.durationMs);
  const since = slow.slice(Math.max(0, index - before), index + 1);
  return { ...window, inWork: Math.max(...since.map(({ inWork }) => inWork)) };
}

interface Group {
  readonly inWork: number;
  readonly p50Ms: number;
  /** Of the median, relative to it. */
  readonly variance: number;
}

function groupOf(windows: readonly SlowWindow[]): Group | undefined {
  if (windows.length < FEWEST) return undefined;
  const succeeded = sum(windows, (window) => window.succeeded);
  const mean = (figure: (window: SlowWindow) => number): number =>
    sum(windows, (window) => figure(window) * window.succeeded) / succeeded;
  const deviation = mean(({ p90Ms, p50Ms }) => deviationOf(p50Ms, p90Ms));
  return {
    inWork: mean((window) => window.inWork),
    p50Ms: mean((window) => window.p50Ms),
    variance: (MEDIAN_ERROR * deviation) ** 2 / succeeded,
  };
}

function sum(windows: readonly SlowWindow[], figure: (window: SlowWindow) => number): number {
  return windows.reduce((total, window) => total + figure(window), 0);
}
