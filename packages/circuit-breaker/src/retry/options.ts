import {
  createBackoff,
  requireFunction,
  requireInteger,
  requireNumber,
  requireObject,
  requireOneOf,
  requireOptions,
  requireText,
  systemClock,
  type Backoff,
  type Clock,
  type OptionNames,
  type Random,
} from '@holdfast/internal';
import { resolveClassifiers, type Classifier } from '../judgement.ts';
import { requireBackoff, type GivenBackoff } from '../require-backoff.ts';
import type { RetryBudget } from './budget.ts';

export interface RetryOptions {
  /** Shown in the snapshot. Default `retry`. */
  readonly name?: string | undefined;
  /** Calls of the work in all, the first included; at least 1. Default 3. */
  readonly attempts?: number | undefined;
  /** The wait before each further attempt. Default: full jitter, 100 ms doubling up to 20 000 ms. */
  readonly backoff?: GivenBackoff | undefined;
  /**
   * No wait is begun that would end later than this many milliseconds after the call; at least 0. Default: no limit.
   * An attempt that runs is not cut.
   */
  readonly maxElapsedMs?: number | undefined;
  /**
   * Whether another attempt could do better, and may be made. Default: every error is retried. A classifier that says
   * `applied: 'maybe'` stops the retry of a call that is not `idempotent`.
   */
  readonly classify?: Classifier | readonly Classifier[] | undefined;
  /** Asked before each further attempt. Default: none. */
  readonly budget?: RetryBudget | undefined;
  /** `honour`: what was called has asked for a least wait, and gets it, or is not called again. Default `honour`. */
  readonly retryAfter?: 'honour' | 'ignore' | undefined;
  /** `wait`: a rejection by an open circuit is retried, after just as long as it asks for. Default `fail`. */
  readonly onOpenCircuit?: 'fail' | 'wait' | undefined;
  /**
   * `suppress`: an error on which a retry inside the work has given up, or whose cause is one, is not retried again:
   * layers of retries multiply. Default `suppress`.
   */
  readonly nested?: 'suppress' | 'allow' | undefined;
  /** `wrap`: reject with a `RetriesExhaustedError` that holds the errors. Default `last-error`: with the last one itself. */
  readonly exhausted?: 'last-error' | 'wrap' | undefined;
  readonly clock?: Clock | undefined;
  /** Source of the jitter. */
  readonly random?: Random | undefined;
}

export interface ResolvedRetryOptions {
  readonly name: string;
  readonly attempts: number;
  readonly backoff: Backoff;
  readonly maxElapsedMs: number;
  readonly classifiers: readonly Classifier[];
  readonly budget: RetryBudget | undefined;
  readonly honoursRetryAfter: boolean;
  readonly waitsForCircuit: boolean;
  readonly suppressesNested: boolean;
  readonly wraps: boolean;
  readonly clock: Clock;
}

export const RETRY_NAMES: OptionNames<RetryOptions> = {
  name: true,
  attempts: true,
  backoff: true,
  maxElapsedMs: true,
  classify: true,
  budget: true,
  retryAfter: true,
  onOpenCircuit: true,
  nested: true,
  exhausted: true,
  clock: true,
  random: true,
};

/** @throws {TypeError | RangeError} when an option is wrong. */
export function resolveRetryOptions(options: RetryOptions): ResolvedRetryOptions {
  requireOptions('retry', options, RETRY_NAMES);
  const { budget, maxElapsedMs } = options;
  if (budget !== undefined) {
    requireObject('budget', budget);
    const methods = budget as { readonly [K in keyof RetryBudget]: unknown };
    requireFunction('budget.deposit', methods.deposit);
    requireFunction('budget.tryWithdraw', methods.tryWithdraw);
  }
  const oneOf = <const T extends string>(name: keyof RetryOptions, allowed: readonly [T, T]): T =>
    requireOneOf(name, options[name] ?? allowed[0], allowed);
  return Object.freeze({
    name: requireText('name', options.name ?? 'retry'),
    attempts: requireInteger('attempts', options.attempts ?? 3, { min: 1 }),
    backoff: createBackoff(
      { ...requireBackoff('backoff', options.backoff ?? {}), random: options.random },
      'backoff.',
    ),
    maxElapsedMs:
      maxElapsedMs === undefined
        ? Infinity
        : requireNumber('maxElapsedMs', maxElapsedMs, { min: 0 }),
    classifiers: resolveClassifiers(options.classify),
    budget,
    honoursRetryAfter: oneOf('retryAfter', ['honour', 'ignore']) === 'honour',
    waitsForCircuit: oneOf('onOpenCircuit', ['fail', 'wait']) === 'wait',
    suppressesNested: oneOf('nested', ['suppress', 'allow']) === 'suppress',
    wraps: oneOf('exhausted', ['last-error', 'wrap']) === 'wrap',
    clock: requireObject('clock', options.clock ?? systemClock),
  });
}
