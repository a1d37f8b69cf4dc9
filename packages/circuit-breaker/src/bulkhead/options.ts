import {
  requireInteger,
  requireObject,
  requireOptions,
  requireText,
  systemClock,
  type Clock,
  type OptionNames,
} from '@holdfast/internal';

export interface BulkheadOptions {
  /** Names the policy in errors and in the snapshot. Default `bulkhead`. */
  readonly name?: string | undefined;
  /** So many calls of the work run at once; at least 1. */
  readonly limit: number;
  /** So many callers may wait for a place; at least 0. Default 0. */
  readonly queue?: number | undefined;
  /** How long one of them may wait, milliseconds; at least 1. Default: as long as it takes. */
  readonly queueWaitMs?: number | undefined;
  readonly clock?: Clock | undefined;
}

export interface ResolvedBulkheadOptions {
  readonly name: string;
  readonly limit: number;
  readonly queue: number;
  readonly queueWaitMs: number | undefined;
  readonly clock: Clock;
}

const NAMES: OptionNames<BulkheadOptions> = {
  name: true,
  limit: true,
  queue: true,
  queueWaitMs: true,
  clock: true,
};

/** @throws {TypeError | RangeError} when an option is wrong. */
export function resolveBulkheadOptions(options: BulkheadOptions): ResolvedBulkheadOptions {
  requireOptions('bulkhead', options, NAMES);
  const { queueWaitMs } = options;
  return Object.freeze({
    name: requireText('name', options.name ?? 'bulkhead'),
    limit: requireLimit(options.limit),
    queue: requireInteger('queue', options.queue ?? 0, { min: 0 }),
    queueWaitMs:
      queueWaitMs === undefined
        ? undefined
        : requireInteger('queueWaitMs', queueWaitMs, { min: 1 }),
    clock: requireObject('clock', options.clock ?? systemClock),
  });
}

/** @throws {TypeError | RangeError} when `limit` is wrong. */
export function requireLimit(limit: number): number {
  return requireInteger('limit', limit, { min: 1 });
}
