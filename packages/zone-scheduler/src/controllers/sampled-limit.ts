import { requireInteger } from '@holdfast/internal';
import type { Controller, LimitExplanation, WindowStats } from '../controller.ts';
import { clampLimit, type LimitRange } from './limit-range.ts';
import { SnapshotReader, type SnapshotFields } from './snapshot-fields.ts';

/** Options of every limiter that follows latencies only. */
export interface SampledLimitOptions {
  /** Least limit; at least 1. */
  readonly min?: number | undefined;
  /** Greatest limit. */
  readonly max?: number | undefined;
  /** Limit at the beginning. Default 20, within `min` and `max`. */
  readonly initial?: number | undefined;
  /** Milliseconds; at least 10. Default 1 000. */
  readonly windowMs?: number | undefined;
}

/** What the successes of one window, or of several that were too small, say. */
export interface LatencySample {
  /** Mean latency. */
  readonly rttMs: number;
  readonly maxInFlight: number;
  /** A run timed out, or the downstream pushed back. */
  readonly hasDrops: boolean;
}

/** The law of a limiter: what it makes of a sample. It may keep numbers of its own. */
export interface LimitLaw {
  readonly kind: string;
  next(limit: number, sample: LatencySample): number;
  snapshot(): SnapshotFields;
  restore(fields: SnapshotReader): void;
}

/** A window with fewer successes is taken together with the next one (WindowedLimit of Netflix' concurrency-limits). */
const LEAST_SAMPLES = 10;

/** Runs a law over windows. It does not look at the deadline, and starts every cycle where the last one ended. */
export class SampledLimit implements Controller {
  readonly max: number;
  readonly probeZones = 0;
  readonly windowMs: number;
  readonly #law: LimitLaw;
  readonly #range: LimitRange;
  /** Not rounded: small steps add up. */
  #exact: number;
  #sumMs = 0;
  #succeeded = 0;
  #maxInFlight = 0;
  #drops = 0;

  constructor(law: LimitLaw, range: LimitRange, windowMs: number | undefined) {
    this.#law = law;
    this.max = range.max;
    this.#range = range;
    this.windowMs = requireInteger('windowMs', windowMs ?? 1_000, { min: 10 });
    this.#exact = range.initial;
  }

  get limit(): number {
    return clampLimit(this.#exact, this.#range);
  }

  probe(): void {
    // No phase of its own: latencies come from the windows.
  }

  plan(): void {
    // It does not look ahead.
  }

  observe(window: WindowStats): void {
    const succeeded = window.completed - window.failed - window.timedOut;
    if (succeeded > 0) this.#sumMs += succeeded * window.meanMs;
    this.#succeeded += succeeded;
    this.#maxInFlight = Math.max(this.#maxInFlight, window.maxInFlight);
    this.#drops += window.timedOut + (window.isPushedBack ? 1 : 0);
    if (this.#succeeded < LEAST_SAMPLES) return;

    const next = this.#law.next(this.#exact, {
      rttMs: this.#sumMs / this.#succeeded,
      maxInFlight: this.#maxInFlight,
      hasDrops: this.#drops > 0,
    });
    this.#exact = Math.min(this.#range.max, Math.max(this.#range.min, next));
    this.#sumMs = 0;
    this.#succeeded = 0;
    this.#maxInFlight = 0;
    this.#drops = 0;
  }

  explain(): LimitExplanation {
    const { limit } = this;
    const { min, max } = this.#range;
    return {
      limit,
      binding: limit === max ? 'max' : limit === min ? 'min' : 'cap',
      feedForward: NaN,
      cap: this.#exact,
      noLoadMs: NaN,
      inflation: NaN,
    };
  }

  snapshot(): SnapshotFields {
    return {
      ...this.#law.snapshot(),
      kind: this.#law.kind,
      exact: this.#exact,
      sumMs: this.#sumMs,
      succeeded: this.#succeeded,
      maxInFlight: this.#maxInFlight,
      drops: this.#drops,
    };
  }

  restore(snapshot: unknown): void {
    const fields = new SnapshotReader(this.#law.kind, snapshot);
    const exact = fields.number('exact', 1);
    const sumMs = fields.number('sumMs');
    const succeeded = fields.number('succeeded');
    const maxInFlight = fields.number('maxInFlight');
    const drops = fields.number('drops');
    this.#law.restore(fields);
    this.#exact = Math.min(this.#range.max, Math.max(this.#range.min, exact));
    this.#sumMs = sumMs;
    this.#succeeded = succeeded;
    this.#maxInFlight = maxInFlight;
    this.#drops = drops;
  }
}
