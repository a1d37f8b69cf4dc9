import {
  requireInteger,
  requireObject,
  requireText,
  systemClock,
  type Clock,
} from '@holdfast/internal';

export interface TimeoutOptions {
  /** Names the policy in errors and in the snapshot. Default `timeout`. */
  readonly name?: string | undefined;
  /** How long the work may take, milliseconds; at least 1. */
  readonly ms: number;
  readonly clock?: Clock | undefined;
}

export interface ResolvedTimeoutOptions {
  readonly name: string;
  readonly ms: number;
  readonly clock: Clock;
}

/** @throws {TypeError | RangeError} when an option is wrong. */
export function resolveTimeoutOptions(options: TimeoutOptions): ResolvedTimeoutOptions {
  requireObject('options', options);
  return Object.freeze({
    name: requireText('name', options.name ?? 'timeout'),
    ms: requireInteger('ms', options.ms, { min: 1 }),
    clock: requireObject('clock', options.clock ?? systemClock),
  });
}
