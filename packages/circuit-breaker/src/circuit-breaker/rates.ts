import { requireInteger, requireNumber, requireObject } from '@holdfast/internal';
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

const SMALLEST_RATE = Number.EPSILON;

/** @throws {TypeError | RangeError} when an option is wrong. */
export function resolveRates(options: RateOptions): Pick<Trip, 'slowOverMs' | 'isTripped'> {
  const { slow } = options;
  if (slow !== undefined) requireObject('slow', slow);
  const rateRange = { min: SMALLEST_RATE, max: 1 };
  const minimumCalls = requireInteger('minimumCalls', options.minimumCalls ?? 20, { min: 1 });
  const failureRate = requireNumber('failureRate', options.failureRate ?? 0.5, rateRange);
  const slowRate = slow === undefined ? Infinity : requireNumber('slow.rate', slow.rate, rateRange);
  return {
    slowOverMs:
      slow === undefined ? Infinity : requireNumber('slow.overMs', slow.overMs, { min: 0 }),
    isTripped: ({ calls, failures, slow: slowCalls }: CallWindow) =>
      calls >= minimumCalls && (failures / calls >= failureRate || slowCalls / calls >= slowRate),
  };
}
