import {
  requireFunction,
  requireInteger,
  requireNumber,
  requireObject,
  requireOptionGroup,
  requireOptions,
  requireText,
  systemClock,
  type Clock,
  type OptionNames,
} from '@holdfast/internal';
import type { Outcome } from '../policy.ts';
import type { RetryBudget } from '../retry/budget.ts';

/** Hedges what is slower than most. */
export interface HedgeQuantile {
  /** Above 0 and below 1: at 0.95 about one call in twenty is hedged. */
  readonly quantile: number;
  /** No hedge before so many latencies are known; at least 1. Default 20. */
  readonly warmup?: number | undefined;
  /** Never sooner than after so many milliseconds; at least 0. Default 0. */
  readonly floorMs?: number | undefined;
}

export interface HedgeOptions {
  /** Names the policy in errors and in the snapshot. Default `hedge`. */
  readonly name?: string | undefined;
  /**
   * When the next attempt starts. A number: when nothing has won for so many milliseconds since the last one started;
   * at least 0, and 0 starts all at once. A quantile: the same, learnt from the latencies of first attempts.
   * `on-failure`: one at a time, when the one before has failed.
   */
  readonly afterMs: number | 'on-failure' | HedgeQuantile;
  /** So many attempts beyond the first; from 1 to 100. Default 1. */
  readonly maxHedges?: number | undefined;
  /** Asked before each hedge; a refusal ends the hedging of that call. It is told of every call. */
  readonly budget?: Pick<RetryBudget, 'deposit' | 'tryWithdraw'> | undefined;
  /** Whether an attempt's outcome ends the call; an error can, too. Default: a value does, an error does not. */
  readonly accept?: ((outcome: Outcome<unknown>) => boolean) | undefined;
  readonly clock?: Clock | undefined;
}

export interface ResolvedQuantile {
  readonly quantile: number;
  readonly warmup: number;
  readonly floorMs: number;
}

export interface ResolvedHedgeOptions {
  readonly name: string;
  readonly afterMs: number | 'on-failure' | ResolvedQuantile;
  readonly maxHedges: number;
  readonly budget: HedgeOptions['budget'];
  readonly accept: (outcome: Outcome<unknown>) => boolean;
  readonly clock: Clock;
}

const NAMES: OptionNames<HedgeOptions> = {
  name: true,
  afterMs: true,
  maxHedges: true,
  budget: true,
  accept: true,
  clock: true,
};

/** @throws {TypeError | RangeError} when an option is wrong. */
export function resolveHedgeOptions(options: HedgeOptions): ResolvedHedgeOptions {
  requireOptions('hedge', options, NAMES);
  return Object.freeze({
    name: requireText('name', options.name ?? 'hedge'),
    afterMs: resolveAfterMs(options.afterMs),
    maxHedges: requireInteger('maxHedges', options.maxHedges ?? 1, { min: 1, max: 100 }),
    budget: options.budget === undefined ? undefined : requireBudget(options.budget),
    accept: requireFunction('accept', options.accept ?? isValue),
    clock: requireObject('clock', options.clock ?? systemClock),
  });
}

const QUANTILE_NAMES: OptionNames<HedgeQuantile> = {
  quantile: true,
  warmup: true,
  floorMs: true,
};

function resolveAfterMs(afterMs: HedgeOptions['afterMs']): ResolvedHedgeOptions['afterMs'] {
  if (afterMs === 'on-failure') return afterMs;
  if (typeof afterMs === 'number') return requireNumber('afterMs', afterMs, { min: 0 });
  if (typeof afterMs !== 'object') {
    throw new TypeError(
      `afterMs must be a number, 'on-failure' or { quantile }, got ${String(afterMs)}`,
    );
  }
  const {
    quantile,
    warmup = 20,
    floorMs = 0,
  } = requireOptionGroup('afterMs', afterMs, QUANTILE_NAMES);
  requireNumber('afterMs.quantile', quantile);
  if (quantile <= 0 || quantile >= 1) {
    throw new RangeError(`afterMs.quantile must be above 0 and below 1, got ${quantile}`);
  }
  return {
    quantile,
    warmup: requireInteger('afterMs.warmup', warmup, { min: 1 }),
    floorMs: requireNumber('afterMs.floorMs', floorMs, { min: 0 }),
  };
}

function requireBudget<B extends NonNullable<HedgeOptions['budget']>>(budget: B): B {
  requireObject('budget', budget);
  const shape: { readonly deposit?: unknown; readonly tryWithdraw?: unknown } = budget;
  requireFunction('budget.deposit', shape.deposit);
  requireFunction('budget.tryWithdraw', shape.tryWithdraw);
  return budget;
}

function isValue({ ok }: Outcome<unknown>): boolean {
  return ok;
}
