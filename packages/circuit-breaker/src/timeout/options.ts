import {
  requireInteger,
  requireObject,
  requireOptions,
  requireText,
  systemClock,
  type Clock,
  type OptionNames,
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

const NAMES: OptionNames<TimeoutOptions> = {
  name: true,
  ms: true,
  clock: true,
};

/** @throws {TypeError | RangeError} when an option is wrong. */
export function resolveTimeoutOptions(options: TimeoutOptions): ResolvedTimeoutOptions {
  requireOptions('timeout', options, NAMES);
  return Object.freeze({
    name: requireText('name', options.name ?? 'timeout'),
    ms: requireInteger('ms', options.ms, { min: 1 }),
    clock: requireObject('clock', options.clock ?? systemClock),
  });
}
