import {
  requireFunction,
  requireInteger,
  requireNumber,
  requireObject,
  requireOptions,
  requireText,
  systemClock,
  systemRandom,
  type Clock,
  type OptionNames,
  type Random,
} from '@holdfast/internal';
import { resolveClassifiers, type Classifier } from '../judgement.ts';

export interface AdaptiveThrottleOptions {
  /** Names the policy in errors and in the snapshot. Default `adaptive-throttle`. */
  readonly name?: string | undefined;
  /**
   * Calls are rejected here once there are more than `k` times as many as were accepted; at least 1. Lower values
   * spare what is called, higher ones notice sooner that it is well again. Default 2, as in the source.
   */
  readonly k?: number | undefined;
  /** Calls of the last so many milliseconds count; at least 1. Default 120 000, as in the source. */
  readonly windowMs?: number | undefined;
  /** The highest probability of a rejection, from 0 to 1: the rest keeps asking. Default 0.9. */
  readonly maxRejection?: number | undefined;
  /**
   * With fewer calls in the window none is rejected; at least 0. A call in flight is not accepted yet, so set it above
   * what is in flight when all is well. Default 20.
   */
  readonly minimumCalls?: number | undefined;
  /**
   * A `failure` was not accepted; `ignore` counts neither way. Not asked about an abort by the caller's own signal,
   * which says nothing. Default: an error is a failure, a value a success.
   */
  readonly classify?: Classifier | readonly Classifier[] | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: Random | undefined;
}

export interface ResolvedAdaptiveThrottleOptions {
  readonly name: string;
  readonly k: number;
  readonly windowMs: number;
  readonly maxRejection: number;
  readonly minimumCalls: number;
  readonly classifiers: readonly Classifier[];
  readonly clock: Clock;
  readonly random: Random;
}

const NAMES: OptionNames<AdaptiveThrottleOptions> = {
  name: true,
  k: true,
  windowMs: true,
  maxRejection: true,
  minimumCalls: true,
  classify: true,
  clock: true,
  random: true,
};

/** @throws {TypeError | RangeError} when an option is wrong. */
export function resolveAdaptiveThrottleOptions(
  options: AdaptiveThrottleOptions,
): ResolvedAdaptiveThrottleOptions {
  requireOptions('adaptiveThrottle', options, NAMES);
  const { maxRejection = 0.9 } = options;
  return Object.freeze({
    name: requireText('name', options.name ?? 'adaptive-throttle'),
    k: requireNumber('k', options.k ?? 2, { min: 1 }),
    windowMs: requireInteger('windowMs', options.windowMs ?? 120_000, { min: 1 }),
    maxRejection: requireNumber('maxRejection', maxRejection, { min: 0, max: 1 }),
    minimumCalls: requireInteger('minimumCalls', options.minimumCalls ?? 20, { min: 0 }),
    classifiers: resolveClassifiers(options.classify),
    clock: requireObject('clock', options.clock ?? systemClock),
    random: requireFunction('random', options.random ?? systemRandom),
  });
}
