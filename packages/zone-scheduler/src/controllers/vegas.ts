import {
  requireFunction,
  requireOptions,
  systemRandom,
  type OptionNames,
  type Random,
} from '@holdfast/internal';
import type { Controller } from '../controller.ts';
import { resolveLimitRange } from './limit-range.ts';
import { SampledLimit, type LimitLaw, type SampledLimitOptions } from './sampled-limit.ts';
import { orNull, type SnapshotFields, type SnapshotReader } from './snapshot-fields.ts';

export interface VegasOptions extends SampledLimitOptions {
  /** Says when the least latency is taken anew. Default: `Math.random`. */
  readonly random?: Random | undefined;
}

const NAMES: OptionNames<VegasOptions> = {
  min: true,
  max: true,
  initial: true,
  windowMs: true,
  random: true,
};

/** The least latency is forgotten every so many updates, times the limit. */
const PROBE_MULTIPLIER = 30;

/**
 * Keeps the queue that it sees in the latency, `limit * (1 - least latency / latency)`, between three and six times the
 * logarithm of the limit. Source: L. Brakmo and L. Peterson, "TCP Vegas: end to end congestion avoidance on a global
 * Internet" (1995), in the form and with the parameters of VegasLimit in Netflix' concurrency-limits: 1 to 1 000. For
 * comparison; use `adaptive`.
 *
 * @throws {TypeError | RangeError} when an option is wrong.
 */
export function vegas(options: VegasOptions = {}): Controller {
  requireOptions('vegas', options, NAMES);
  const random = requireFunction('random', options.random ?? systemRandom);
  const range = resolveLimitRange(options, { min: 1, max: 1_000, initial: 20 });
  return new SampledLimit(new Vegas(random), range, options.windowMs);
}

class Vegas implements LimitLaw {
  readonly kind = 'vegas';
  readonly #random: Random;
  #leastMs = NaN;
  #updates = 0;
  #jitter: number;

  constructor(random: Random) {
    this.#random = random;
    this.#jitter = this.#drawJitter();
  }

  next: LimitLaw['next'] = (limit, { rttMs, maxInFlight, hasDrops }) => {
    this.#updates += 1;
    if (this.#updates >= this.#jitter * PROBE_MULTIPLIER * limit) {
      this.#updates = 0;
      this.#jitter = this.#drawJitter();
      this.#leastMs = rttMs;
      return limit;
    }
    if (Number.isNaN(this.#leastMs) || rttMs < this.#leastMs) {
      this.#leastMs = rttMs;
      return limit;
    }
    const log = Math.max(1, Math.floor(Math.log10(limit)));
    if (hasDrops) return limit - log;
    if (maxInFlight * 2 < limit) return limit;
    const queue = Math.ceil(limit * (1 - this.#leastMs / rttMs));
    if (queue <= log) return limit + 6 * log;
    if (queue < 3 * log) return limit + log;
    return queue > 6 * log ? limit - log : limit;
  };

  snapshot(): SnapshotFields {
    return { leastMs: orNull(this.#leastMs), updates: this.#updates, jitter: this.#jitter };
  }

  restore(fields: SnapshotReader): void {
    const leastMs = fields.numberOrNaN('leastMs');
    const updates = fields.number('updates');
    this.#jitter = fields.number('jitter', 0.5);
    this.#leastMs = leastMs;
    this.#updates = updates;
  }

  #drawJitter(): number {
    return 0.5 + this.#random() / 2;
  }
}
