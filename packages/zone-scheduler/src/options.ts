import {
  requireFunction,
  requireInteger,
  requireObject,
  systemClock,
  type Clock,
} from '@holdfast/internal';
import type { ZoneHandler, ZoneSource } from './zone.ts';

export interface ZoneSchedulerOptions<D = unknown> {
  /** Gives the zones of a cycle. */
  readonly zones: ZoneSource<D>;
  /** Does the work of one zone. */
  readonly handler: ZoneHandler<D>;
  /** Most zones in work at the same time; at least 1. */
  readonly limit: number;
  /** From tick to tick, milliseconds; at least 1. Default 15 000. */
  readonly cycleMs?: number | undefined;
  /**
   * What one zone may take, and the source to give the next zone, milliseconds; at least 1. Default 5 000. In a cycle
   * that a tick began, a zone times out at the cycle's end at the latest.
   */
  readonly timeoutMs?: number | undefined;
  /**
   * A zone that timed out frees its place though its handler may still run. At most so many handlers run beyond
   * `limit` for that reason; when they are reached, places are free only as they settle. At least 0. Default: `limit`.
   */
  readonly maxZombies?: number | undefined;
  /** Longest list of failures in a report; at least 0. Default 20. */
  readonly maxReportedFailures?: number | undefined;
  readonly clock?: Clock | undefined;
}

export interface ResolvedZoneSchedulerOptions<D> {
  readonly zones: ZoneSource<D>;
  readonly handler: ZoneHandler<D>;
  readonly limit: number;
  readonly cycleMs: number;
  readonly timeoutMs: number;
  readonly maxZombies: number;
  readonly maxReportedFailures: number;
  readonly clock: Clock;
}

/** @throws {TypeError | RangeError} when an option is wrong. */
export function resolveZoneSchedulerOptions<D>(
  options: ZoneSchedulerOptions<D>,
): ResolvedZoneSchedulerOptions<D> {
  requireObject('options', options);
  const limit = requireInteger('limit', options.limit, { min: 1 });
  return Object.freeze({
    zones: requireFunction('zones', options.zones),
    handler: requireFunction('handler', options.handler),
    limit,
    cycleMs: requireInteger('cycleMs', options.cycleMs ?? 15_000, { min: 1 }),
    timeoutMs: requireInteger('timeoutMs', options.timeoutMs ?? 5_000, { min: 1 }),
    maxZombies: requireInteger('maxZombies', options.maxZombies ?? limit, { min: 0 }),
    maxReportedFailures: requireInteger('maxReportedFailures', options.maxReportedFailures ?? 20, {
      min: 0,
    }),
    clock: requireObject('clock', options.clock ?? systemClock),
  });
}
