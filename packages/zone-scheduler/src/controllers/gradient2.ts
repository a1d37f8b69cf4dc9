import {
  requireInteger,
  requireNumber,
  requireOptions,
  type OptionNames,
} from '@holdfast/internal';
import type { Controller } from '../controller.ts';
import { requireAboveZero } from '../require-above-zero.ts';
import { resolveLimitRange } from './limit-range.ts';
import { SampledLimit, type LimitLaw, type SampledLimitOptions } from './sampled-limit.ts';
import type { SnapshotFields, SnapshotReader } from './snapshot-fields.ts';

export interface Gradient2Options extends SampledLimitOptions {
  /** The latency may be so many times its long average before the limit falls; at least 1. Default 1.5. */
  readonly tolerance?: number | undefined;
  /** Slots on top in each update; at least 0. Default 4. */
  readonly queueSize?: number | undefined;
  /** Weight of the newest limit; above 0, at most 1. Default 0.2. */
  readonly smoothing?: number | undefined;
  /** Updates over which the long average goes; at least 1. Default 600. */
  readonly longWindow?: number | undefined;
}

const NAMES: OptionNames<Gradient2Options> = {
  min: true,
  max: true,
  initial: true,
  windowMs: true,
  tolerance: true,
  queueSize: true,
  smoothing: true,
  longWindow: true,
};

/** Updates in which the long average is the plain mean. */
const WARM_UP = 10;

/**
 * The limit times the gradient of long to short average latency, plus a queue. Source: Gradient2Limit in Netflix'
 * concurrency-limits, with its parameters: 20 to 200. For comparison; use `adaptive`.
 *
 * @throws {TypeError | RangeError} when an option is wrong.
 */
export function gradient2(options: Gradient2Options = {}): Controller {
  requireOptions('gradient2', options, NAMES);
  const law = new Gradient2({
    tolerance: requireNumber('tolerance', options.tolerance ?? 1.5, { min: 1 }),
    queueSize: requireInteger('queueSize', options.queueSize ?? 4, { min: 0 }),
    smoothing: requireAboveZero('smoothing', options.smoothing ?? 0.2, { max: 1 }),
    longWindow: requireInteger('longWindow', options.longWindow ?? 600, { min: 1 }),
  });
  const range = resolveLimitRange(options, { min: 20, max: 200, initial: 20 });
  return new SampledLimit(law, range, options.windowMs);
}

interface Parameters {
  readonly tolerance: number;
  readonly queueSize: number;
  readonly smoothing: number;
  readonly longWindow: number;
}

class Gradient2 implements LimitLaw {
  readonly kind = 'gradient2';
  readonly #parameters: Parameters;
  #longMs = 0;
  #updates = 0;

  constructor(parameters: Parameters) {
    this.#parameters = parameters;
  }

  next: LimitLaw['next'] = (limit, { rttMs, maxInFlight }) => {
    const { tolerance, queueSize, smoothing, longWindow } = this.#parameters;
    this.#updates += 1;
    const weight = this.#updates <= WARM_UP ? 1 / this.#updates : 2 / (longWindow + 1);
    this.#longMs += weight * (rttMs - this.#longMs);
    const longMs = this.#longMs;
    // Comes down faster than the average would when a long overload is over.
    if (longMs / rttMs > 2) this.#longMs *= 0.95;
    if (maxInFlight < limit / 2) return limit;
    const gradient = Math.max(0.5, Math.min(1, (tolerance * longMs) / rttMs));
    return limit * (1 - smoothing) + (limit * gradient + queueSize) * smoothing;
  };

  snapshot(): SnapshotFields {
    return { longMs: this.#longMs, updates: this.#updates };
  }

  restore(fields: SnapshotReader): void {
    const longMs = fields.number('longMs');
    this.#updates = fields.number('updates');
    this.#longMs = longMs;
  }
}
