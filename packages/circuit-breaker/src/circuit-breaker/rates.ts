import {
  requireInteger,
  requireNumber,
  requireOptionGroup,
  type OptionNames,
} from '@holdfast/internal';
import type { CallWindow, Trip } from './trip.ts';

/** When the share of failures, or of slow calls, is too large. */
export interface RateOptions {
  /** Opens when this share of the calls in the window has failed, above 0 and at most 1. Default 0.5. */
  readonly failureRate?: number | undefined;
  /** The rates mean nothing before the window holds so many calls; at least 1. Default 20. */
  readonly minimumCalls?: number | undefined;
  /** Opens also when `rate` of the calls (above 0, at most 1) took longer than `overMs` milliseconds. Default: never. */
  readonly slow?: { readonly overMs: number; readonly rate: number } | undefined;
}

const SLOW_NAMES: OptionNames<NonNullable<RateOptions['slow']>> = {
  overMs: true,
  rate: true,
};

/** @throws {TypeError | RangeError} when an option is wrong. */
export function resolveRates(options: RateOptions): Pick<Trip, 'slowOverMs' | 'isTripped'> {
  const { slow } = options;
  if (slow !== undefined) requireOptionGroup('slow', slow, SLOW_NAMES);
  const minimumCalls = requireInteger('minimumCalls', options.minimumCalls ?? 20, { min: 1 });
  const failureRate = requireRate('failureRate', options.failureRate ?? 0.5);
  const slowRate = slow === undefined ? Infinity : requireRate('slow.rate', slow.rate);
  return {
    slowOverMs:
      slow === undefined ? Infinity : requireNumber('slow.overMs', slow.overMs, { min: 0 }),
    isTripped: ({ calls, failures, slow: slowCalls }: CallWindow) =>
      calls >= minimumCalls && (failures / calls >= failureRate || slowCalls / calls >= slowRate),
  };
}

function requireRate(name: string, rate: unknown): number {
  if (rate === 0) throw new RangeError(`${name} must be above 0, got 0`);
  return requireNumber(name, rate, { min: 0, max: 1 });
}
