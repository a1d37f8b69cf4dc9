import {
  requireInteger,
  requireNumber,
  requireOptions,
  type OptionNames,
} from '@holdfast/internal';
import { requireAboveZero } from '../require-above-zero.ts';
import { resolveLimitRange, type LimitRange } from './limit-range.ts';

export interface AdaptiveOptions {
  /** Least limit; at least 1. Default 4. */
  readonly min?: number | undefined;
  /** Greatest limit. Default 500. */
  readonly max?: number | undefined;
  /** Limit while nothing is known of the downstream. Default 16, within `min` and `max`. */
  readonly initial?: number | undefined;
  /** Zones that start alone in each cycle, as the sample of an idle downstream; at least 1. Default 16. */
  readonly probeZones?: number | undefined;
  /** From one look at the latencies to the next, milliseconds; at least 10. Default 1 000. */
  readonly windowMs?: number | undefined;
  /** By how much the cap grows in a window that bears it; at least 1. Default 1.25. */
  readonly growth?: number | undefined;
  /** The cap of a saturated downstream is so much of what it has in work at its best rate; at least 1. Default 1.2. */
  readonly bdpGain?: number | undefined;
  /** The cap falls in one window to this share of the limit at most; above 0, at most 1. Default 0.7. */
  readonly maxCut?: number | undefined;
  /**
   * The latency may be so much above that of an idle downstream, as a share of it; above 0. It may be more by what chance makes
   * of few runs: 0.4 in the first cycle and 0.25 later with usual latencies, up to 0.94 with a heavy tail. Default 0.2.
   */
  readonly tolerance?: number | undefined;
  /** It may also be so many of its usual deviations above it, up to 0.3 of it; at least 0. Default 2.5. */
  readonly deviationScale?: number | undefined;
  /** No median latency above it is healthy, whatever the probes say, milliseconds. Default: none. */
  readonly maxHealthyMs?: number | undefined;
  /** The event loop must not run later than that, milliseconds; above 0. Default 100. */
  readonly maxLoopDelayMs?: number | undefined;
}

export interface ResolvedAdaptiveOptions extends LimitRange {
  readonly probeZones: number;
  readonly windowMs: number;
  readonly growth: number;
  readonly bdpGain: number;
  readonly maxCut: number;
  readonly tolerance: number;
  readonly deviationScale: number;
  /** Infinity: none. */
  readonly maxHealthyMs: number;
  readonly maxLoopDelayMs: number;
}

const NAMES: OptionNames<AdaptiveOptions> = {
  min: true,
  max: true,
  initial: true,
  probeZones: true,
  windowMs: true,
  growth: true,
  bdpGain: true,
  maxCut: true,
  tolerance: true,
  deviationScale: true,
  maxHealthyMs: true,
  maxLoopDelayMs: true,
};

/** @throws {TypeError | RangeError} when an option is wrong. */
export function resolveAdaptiveOptions(options: AdaptiveOptions): ResolvedAdaptiveOptions {
  requireOptions('adaptive', options, NAMES);
  const { maxHealthyMs } = options;
  return Object.freeze({
    ...resolveLimitRange(options, { min: 4, max: 500, initial: 16 }),
    probeZones: requireInteger('probeZones', options.probeZones ?? 16, { min: 1 }),
    windowMs: requireInteger('windowMs', options.windowMs ?? 1_000, { min: 10 }),
    growth: requireNumber('growth', options.growth ?? 1.25, { min: 1 }),
    bdpGain: requireNumber('bdpGain', options.bdpGain ?? 1.2, { min: 1 }),
    maxCut: requireAboveZero('maxCut', options.maxCut ?? 0.7, { max: 1 }),
    tolerance: requireAboveZero('tolerance', options.tolerance ?? 0.2),
    deviationScale: requireNumber('deviationScale', options.deviationScale ?? 2.5, { min: 0 }),
    maxHealthyMs:
      maxHealthyMs === undefined ? Infinity : requireAboveZero('maxHealthyMs', maxHealthyMs),
    maxLoopDelayMs: requireAboveZero('maxLoopDelayMs', options.maxLoopDelayMs ?? 100),
  });
}
