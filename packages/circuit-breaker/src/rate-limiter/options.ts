import {
  requireInteger,
  requireNumber,
  requireObject,
  requireOptions,
  requireText,
  systemClock,
  type Clock,
  type OptionNames,
} from '@holdfast/internal';

export interface RateLimiterOptions {
  /** Names the policy in errors and in the snapshot. Default `rate-limiter`. */
  readonly name?: string | undefined;
  /** So many calls in each `perMs`; at least 1. */
  readonly permits: number;
  /** Milliseconds, at least 1. Permits come one by one, every `perMs / permits`. */
  readonly perMs: number;
  /** So many calls may come at once after a pause; at least 1, and 1 spreads them evenly. Default: `permits`. */
  readonly burst?: number | undefined;
  /** How long a call may wait for its permit, milliseconds; at least 0. Default 0: it is rejected at once. */
  readonly maxWaitMs?: number | undefined;
  readonly clock?: Clock | undefined;
}

export interface ResolvedRateLimiterOptions {
  readonly name: string;
  readonly intervalMs: number;
  readonly burst: number;
  readonly maxWaitMs: number;
  readonly clock: Clock;
}

const NAMES: OptionNames<RateLimiterOptions> = {
  name: true,
  permits: true,
  perMs: true,
  burst: true,
  maxWaitMs: true,
  clock: true,
};

/** @throws {TypeError | RangeError} when an option is wrong. */
export function resolveRateLimiterOptions(options: RateLimiterOptions): ResolvedRateLimiterOptions {
  requireOptions('rateLimiter', options, NAMES);
  const permits = requireInteger('permits', options.permits, { min: 1 });
  const perMs = requireInteger('perMs', options.perMs, { min: 1 });
  return Object.freeze({
    name: requireText('name', options.name ?? 'rate-limiter'),
    intervalMs: perMs / permits,
    burst: requireInteger('burst', options.burst ?? permits, { min: 1 }),
    maxWaitMs: requireNumber('maxWaitMs', options.maxWaitMs ?? 0, { min: 0 }),
    clock: requireObject('clock', options.clock ?? systemClock),
  });
}
