import {
  requireInteger,
  requireNumber,
  requireObject,
  requireOptions,
  systemClock,
  type Clock,
  type OptionNames,
} from '@holdfast/internal';
import { TimeWindow } from '../circuit-breaker/time-window.ts';

/** Bounds how much load retries and hedges may add. Share one between all policies that call the same dependency. */
export interface RetryBudget {
  /** Withdrawals that would be granted now. */
  readonly balance: number;
  /** A call has begun. */
  deposit(): void;
  /** May one more attempt be made? */
  tryWithdraw(): boolean;
}

export interface RetryBudgetOptions {
  /** Retries for each call, from 0 to 1: 0.2 adds at most a fifth to the load. Default 0.2. */
  readonly ratio?: number | undefined;
  /** Retries each second that are granted whatever the traffic, at least 0. Default 10. */
  readonly minPerSecond?: number | undefined;
  /** A call counts for so many milliseconds, and so does a retry; at least 10. Default 10 000. */
  readonly ttlMs?: number | undefined;
  readonly clock?: Clock | undefined;
}

const NAMES: OptionNames<RetryBudgetOptions> = {
  ratio: true,
  minPerSecond: true,
  ttlMs: true,
  clock: true,
};

const BUCKETS = 10;

/**
 * A budget over a sliding window. Source: Finagle's `RetryBudget`, whose defaults these are.
 *
 * @throws {TypeError | RangeError} when an option is wrong.
 */
export function retryBudget(options: RetryBudgetOptions = {}): RetryBudget {
  requireOptions('retryBudget', options, NAMES);
  const ratio = requireNumber('ratio', options.ratio ?? 0.2, { min: 0, max: 1 });
  const minPerSecond = requireNumber('minPerSecond', options.minPerSecond ?? 10, { min: 0 });
  const ttlMs = requireInteger('ttlMs', options.ttlMs ?? 10_000, { min: BUCKETS });
  const clock = requireObject('clock', options.clock ?? systemClock);
  return new WindowedBudget(ratio, (minPerSecond * ttlMs) / 1_000, {
    clock,
    window: new TimeWindow(ttlMs / BUCKETS, BUCKETS),
  });
}

/** Floating-point sums of ratios may fall short of a whole withdrawal by this much. */
const ROUNDING = 1e-9;

class WindowedBudget implements RetryBudget {
  readonly #ratio: number;
  readonly #reserve: number;
  readonly #clock: Clock;
  /** A withdrawal is recorded as a failure: the rest are deposits. */
  readonly #window: TimeWindow;

  constructor(
    ratio: number,
    reserve: number,
    { clock, window }: { readonly clock: Clock; readonly window: TimeWindow },
  ) {
    this.#ratio = ratio;
    this.#reserve = reserve;
    this.#clock = clock;
    this.#window = window;
  }

  get balance(): number {
    const window = this.#window;
    window.expire(this.#clock.now());
    const deposits = window.calls - window.failures;
    const balance = this.#reserve + deposits * this.#ratio - window.failures;
    return Math.max(0, Math.floor(balance + ROUNDING));
  }

  deposit(): void {
    this.#window.record(false, false, this.#clock.now());
  }

  tryWithdraw(): boolean {
    if (this.balance < 1) return false;
    this.#window.record(true, false, this.#clock.now());
    return true;
  }
}
