import { requireInteger, requireOptions, type OptionNames } from '@holdfast/internal';
import type { Controller, LimitExplanation, PlanInput, WindowStats } from '../controller.ts';
import { requireAboveZero } from '../require-above-zero.ts';
import { clampLimit, resolveLimitRange, type LimitRange } from './limit-range.ts';
import { orNull, SnapshotReader, type SnapshotFields } from './snapshot-fields.ts';

export interface LittlesLawOptions {
  /** At least 1. Default 4. */
  readonly min?: number | undefined;
  /** Default 500. */
  readonly max?: number | undefined;
  /** Limit while no latency is known. Default 16, within `min` and `max`. */
  readonly initial?: number | undefined;
  /** Weight of the newest window in the average latency; above 0, at most 1. Default 0.3. */
  readonly alpha?: number | undefined;
  /** Zones that start alone in a cycle; at least 0. Default 16. */
  readonly probeZones?: number | undefined;
  /** Milliseconds; at least 10. Default 1 000. */
  readonly windowMs?: number | undefined;
}

const NAMES: OptionNames<LittlesLawOptions> = {
  min: true,
  max: true,
  initial: true,
  alpha: true,
  probeZones: true,
  windowMs: true,
};

/**
 * `ceil(zones left * average latency / time left)`: the slots that finish in time if they do not change the latency
 * (J. D. C. Little, "A proof for the queuing formula L = λW", Operations Research 9, 1961). Unsafe alone: a database that
 * slows down under load is given more load for it, up to `max`. For comparison; use `adaptive`.
 *
 * @throws {TypeError | RangeError} when an option is wrong.
 */
export function littlesLaw(options: LittlesLawOptions = {}): Controller {
  requireOptions('littlesLaw', options, NAMES);
  return new LittlesLawController({
    ...resolveLimitRange(options, { min: 4, max: 500, initial: 16 }),
    alpha: requireAboveZero('alpha', options.alpha ?? 0.3, { max: 1 }),
    probeZones: requireInteger('probeZones', options.probeZones ?? 16, { min: 0 }),
    windowMs: requireInteger('windowMs', options.windowMs ?? 1_000, { min: 10 }),
  });
}

interface Resolved extends LimitRange {
  readonly alpha: number;
  readonly probeZones: number;
  readonly windowMs: number;
}

class LittlesLawController implements Controller {
  readonly max: number;
  readonly probeZones: number;
  readonly windowMs: number;
  readonly #options: Resolved;
  #averageMs = NaN;
  #wanted = NaN;

  constructor(options: Resolved) {
    this.#options = options;
    this.max = options.max;
    this.probeZones = options.probeZones;
    this.windowMs = options.windowMs;
  }

  get limit(): number {
    const { initial } = this.#options;
    return Number.isNaN(this.#wanted) ? initial : clampLimit(this.#wanted, this.#options);
  }

  probe(latenciesMs: readonly number[]): void {
    const sumMs = latenciesMs.reduce((sum, latencyMs) => sum + latencyMs, 0);
    this.#learn(sumMs / latenciesMs.length);
  }

  plan({ remaining, leftMs }: PlanInput): void {
    if (Number.isNaN(this.#averageMs)) return;
    this.#wanted = Math.ceil(
      (remaining * this.#averageMs) / Math.max(leftMs, this.#options.windowMs / 2),
    );
  }

  observe({ meanMs }: WindowStats): void {
    this.#learn(meanMs);
  }

  explain(): LimitExplanation {
    const { limit } = this;
    const wanted = this.#wanted;
    return {
      limit,
      binding: Number.isNaN(wanted)
        ? 'probe'
        : wanted > limit
          ? 'max'
          : wanted < limit
            ? 'min'
            : 'feed-forward',
      feedForward: wanted,
      cap: Infinity,
      noLoadMs: NaN,
      inflation: NaN,
    };
  }

  snapshot(): SnapshotFields {
    return { kind: 'littlesLaw', averageMs: orNull(this.#averageMs), wanted: orNull(this.#wanted) };
  }

  restore(snapshot: unknown): void {
    const fields = new SnapshotReader('littlesLaw', snapshot);
    const averageMs = fields.numberOrNaN('averageMs');
    this.#wanted = fields.numberOrNaN('wanted');
    this.#averageMs = averageMs;
  }

  #learn(latencyMs: number): void {
    if (Number.isNaN(latencyMs)) return;
    this.#averageMs = Number.isNaN(this.#averageMs)
      ? latencyMs
      : this.#averageMs + this.#options.alpha * (latencyMs - this.#averageMs);
  }
}
