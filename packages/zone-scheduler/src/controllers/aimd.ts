import { requireNumber, requireOptions, type OptionNames } from '@holdfast/internal';
import type { Controller } from '../controller.ts';
import { resolveLimitRange } from './limit-range.ts';
import { SampledLimit, type SampledLimitOptions } from './sampled-limit.ts';

export interface AimdOptions extends SampledLimitOptions {
  /** Share of the limit that is left after a drop; at least 0.5, below 1. Default 0.9. */
  readonly backoffRatio?: number | undefined;
  /** A mean latency above it counts as a drop, milliseconds. Default 5 000. */
  readonly timeoutMs?: number | undefined;
}

const NAMES: OptionNames<AimdOptions> = {
  min: true,
  max: true,
  initial: true,
  windowMs: true,
  backoffRatio: true,
  timeoutMs: true,
};

/**
 * One slot more in each window that made use of the limit, a tenth fewer after a drop. Source: D.-M. Chiu and R. Jain,
 * "Analysis of the increase and decrease algorithms for congestion avoidance in computer networks" (1989), with the
 * parameters of AIMDLimit in Netflix' concurrency-limits: 20 to 200. For comparison; use `adaptive`.
 *
 * @throws {TypeError | RangeError} when an option is wrong.
 */
export function aimd(options: AimdOptions = {}): Controller {
  requireOptions('aimd', options, NAMES);
  const backoffRatio = requireNumber('backoffRatio', options.backoffRatio ?? 0.9, {
    min: 0.5,
    max: 1 - Number.EPSILON,
  });
  const timeoutMs = requireNumber('timeoutMs', options.timeoutMs ?? 5_000, { min: 1 });
  const range = resolveLimitRange(options, { min: 20, max: 200, initial: 20 });
  return new SampledLimit(
    {
      kind: 'aimd',
      next(limit, { rttMs, maxInFlight, hasDrops }) {
        if (hasDrops || rttMs > timeoutMs) return Math.floor(limit * backoffRatio);
        return maxInFlight * 2 >= limit ? limit + 1 : limit;
      },
      snapshot: () => ({}),
      restore: () => undefined,
    },
    range,
    options.windowMs,
  );
}
