import { requireInteger, requireOptions, type OptionNames } from '@holdfast/internal';
import { resolveRates, type RateOptions } from './rates.ts';
import { requireSavedCounts } from './saved-counts.ts';
import type { CallWindow, Trip } from './trip.ts';

export interface TimeWindowOptions extends RateOptions {
  /** Calls of the last so many milliseconds count; at least 1. Default 10 000. */
  readonly spanMs?: number | undefined;
  /** The span is cut into so many buckets, each forgotten as a whole; from 1 to 1 000. Default 10. */
  readonly buckets?: number | undefined;
}

const NAMES: OptionNames<TimeWindowOptions> = {
  spanMs: true,
  buckets: true,
  failureRate: true,
  minimumCalls: true,
  slow: true,
};

/**
 * Opens the circuit by the rates over the last `spanMs` milliseconds. Buckets expire by time, not by traffic: after an
 * idle hour nothing is remembered.
 *
 * @throws {TypeError | RangeError} when an option is wrong.
 */
export function timeWindow(options: TimeWindowOptions = {}): Trip {
  requireOptions('timeWindow', options, NAMES);
  const spanMs = requireInteger('spanMs', options.spanMs ?? 10_000, { min: 1 });
  const buckets = requireInteger('buckets', options.buckets ?? 10, { min: 1, max: 1_000 });
  return {
    shape: `time ${spanMs}/${buckets}`,
    createWindow: () => new TimeWindow(spanMs / buckets, buckets),
    ...resolveRates(options),
  };
}

/** Counts in each bucket: calls, failures, slow calls. */
const COUNTS = 3;

export class TimeWindow implements CallWindow {
  calls = 0;
  failures = 0;
  slow = 0;
  readonly #bucketMs: number;
  /** A ring of buckets. */
  readonly #counts: number[];
  /** Number of the newest bucket, counted from the clock's origin. */
  #newest = -Infinity;
  #newestAt = 0;
  /** When the newest bucket ends: before that there is nothing to expire, which is cheap to know. */
  #endsMs = -Infinity;

  constructor(bucketMs: number, buckets: number) {
    this.#bucketMs = bucketMs;
    this.#counts = new Array<number>(buckets * COUNTS).fill(0);
  }

  record(isFailure: boolean, isSlow: boolean, nowMs: number): void {
    this.expire(nowMs);
    const counts = this.#counts;
    const at = this.#newestAt;
    this.calls += 1;
    counts[at] = (counts[at] ?? 0) + 1;
    if (isFailure) {
      this.failures += 1;
      counts[at + 1] = (counts[at + 1] ?? 0) + 1;
    }
    if (isSlow) {
      this.slow += 1;
      counts[at + 2] = (counts[at + 2] ?? 0) + 1;
    }
  }

  expire(nowMs: number): void {
    if (nowMs < this.#endsMs) return;
    const newest = Math.floor(nowMs / this.#bucketMs);
    if (newest <= this.#newest) return;
    const buckets = this.#counts.length / COUNTS;
    // By their count: numbers of buckets that are too large for a step of 1 must not loop for ever.
    for (let age = Math.min(buckets, newest - this.#newest) - 1; age >= 0; age -= 1) {
      const at = this.#offset(newest - age);
      const [calls = 0, failures = 0, slow = 0] = this.#counts.slice(at, at + COUNTS);
      this.#add(newest - age, -calls, -failures, -slow);
    }
    this.#newest = newest;
    this.#newestAt = this.#offset(newest);
    this.#endsMs = (newest + 1) * this.#bucketMs;
  }

  #add(bucket: number, calls: number, failures: number, slow: number): void {
    const at = this.#offset(bucket);
    const counts = this.#counts;
    this.calls += calls;
    this.failures += failures;
    this.slow += slow;
    counts[at] = (counts[at] ?? 0) + calls;
    counts[at + 1] = (counts[at + 1] ?? 0) + failures;
    counts[at + 2] = (counts[at + 2] ?? 0) + slow;
  }

  #offset(bucket: number): number {
    const buckets = this.#counts.length / COUNTS;
    return (((bucket % buckets) + buckets) % buckets) * COUNTS;
  }

  /** Newest bucket first. */
  save(nowMs: number): readonly number[] {
    this.expire(nowMs);
    const buckets = this.#counts.length / COUNTS;
    return Array.from({ length: buckets }, (_, age) => this.#offset(this.#newest - age)).flatMap(
      (at) => this.#counts.slice(at, at + COUNTS),
    );
  }

  restore(saved: readonly number[], savedAtMs: number, nowMs: number): void {
    requireSavedCounts(saved, this.#counts.length);
    this.expire(savedAtMs);
    for (let at = 0; at < saved.length; at += COUNTS) {
      const [calls = 0, failures = 0, slow = 0] = saved.slice(at, at + COUNTS);
      this.#add(this.#newest - at / COUNTS, calls, failures, slow);
    }
    this.expire(nowMs);
  }
}
