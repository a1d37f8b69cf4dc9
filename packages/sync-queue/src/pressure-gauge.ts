import type { Pressure } from './adding.ts';
import type { QueueEvents } from './queue.ts';
import type { Budget } from './store.ts';

export interface PressureThresholds {
  readonly raiseAt: number;
  readonly clearAt: number;
  /** `Infinity`: the age does not matter. */
  readonly oldestMs: number;
}

type Cause = QueueEvents['pressureRaised']['cause'];

export type PressureChange =
  | { readonly event: 'pressureRaised'; readonly payload: QueueEvents['pressureRaised'] }
  | { readonly event: 'pressureCleared'; readonly payload: QueueEvents['pressureCleared'] };

export interface Observation {
  readonly nowMs: number;
  readonly count: number;
  readonly bytes: number;
  /** Only the store's statistics know it. */
  readonly oldestMs?: number | undefined;
}

/** Growth is measured over at least so long: single replies jump. */
const GROWTH_WINDOW_MS = 250;

/**
 * How full the queue is, and when that is an incident: it begins at one threshold and ends at a lower one, so that a fill
 * that trembles at a threshold is one incident and not many.
 */
export class PressureGauge {
  readonly #limits: Budget;
  readonly #thresholds: PressureThresholds;
  readonly #raisedAtMs = new Map<Cause, number>();
  #fill = 0;
  #base: { readonly nowMs: number; readonly fill: number } | undefined;
  /** Fill a millisecond. */
  #growth = 0;
  #pressure: Pressure | undefined;

  constructor(limits: Budget, thresholds: PressureThresholds) {
    this.#limits = limits;
    this.#thresholds = thresholds;
  }

  /** The same object until the next observation, for there is one of them in every verdict. */
  get pressure(): Pressure {
    return (this.#pressure ??= this.#look());
  }

  #look(): Pressure {
    const isRaised = this.#raisedAtMs.has('count') || this.#raisedAtMs.has('bytes');
    const level = this.#fill >= 1 ? 'full' : isRaised ? 'high' : 'ok';
    return { level, fill: this.#fill, fullInMs: this.#fullInMs };
  }

  /** Gives what has changed. */
  observe({ nowMs, count, bytes, oldestMs }: Observation): PressureChange[] {
    const fills = { count: count / this.#limits.maxCount, bytes: bytes / this.#limits.maxBytes };
    this.#pressure = undefined;
    this.#fill = Math.max(fills.count, fills.bytes);
    this.#measureGrowth(nowMs);
    const { raiseAt, clearAt, oldestMs: tooOldMs } = this.#thresholds;
    const changes: PressureChange[] = [];
    for (const cause of ['count', 'bytes'] as const) {
      const range = { raise: fills[cause] >= raiseAt, clear: fills[cause] <= clearAt };
      changes.push(...this.#change(cause, range, nowMs, oldestMs));
    }
    // A queue that is empty has no oldest item: the age is only judged by whoever has asked for it.
    if (oldestMs !== undefined || count === 0) {
      const ageMs = oldestMs ?? 0;
      const range = { raise: ageMs >= tooOldMs, clear: ageMs < tooOldMs / 2 };
      changes.push(...this.#change('age', range, nowMs, oldestMs));
    }
    return changes;
  }

  #change(
    cause: Cause,
    range: { readonly raise: boolean; readonly clear: boolean },
    nowMs: number,
    oldestMs: number | undefined,
  ): PressureChange[] {
    const raisedAtMs = this.#raisedAtMs.get(cause);
    if (raisedAtMs === undefined && range.raise) {
      this.#raisedAtMs.set(cause, nowMs);
      const payload = { cause, fill: this.#fill, oldestMs, fullInMs: this.#fullInMs };
      return [{ event: 'pressureRaised', payload }];
    }
    if (raisedAtMs !== undefined && range.clear && !range.raise) {
      this.#raisedAtMs.delete(cause);
      return [{ event: 'pressureCleared', payload: { cause, lastedMs: nowMs - raisedAtMs } }];
    }
    return [];
  }

  /** An exponentially weighted mean of the growth between observations that are far enough apart. */
  #measureGrowth(nowMs: number): void {
    const base = this.#base;
    if (base === undefined) {
      this.#base = { nowMs, fill: this.#fill };
      return;
    }
    const elapsedMs = nowMs - base.nowMs;
    if (elapsedMs < GROWTH_WINDOW_MS) return;
    const latest = (this.#fill - base.fill) / elapsedMs;
    const weight = Math.min(1, elapsedMs / (4 * GROWTH_WINDOW_MS));
    this.#growth += weight * (latest - this.#growth);
    this.#base = { nowMs, fill: this.#fill };
  }

  get #fullInMs(): number | undefined {
    if (this.#growth <= 0) return undefined;
    return Math.max(0, (1 - this.#fill) / this.#growth);
  }
}
