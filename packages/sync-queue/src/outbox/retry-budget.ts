export interface RetryBudgetOptions {
  /** Requests of retries that each successful request allows. */
  readonly ratio: number;
  /** Requests of retries allowed in any case. */
  readonly perSecond: number;
  readonly nowMs: number;
}

/** How many may be saved up. */
const MOST = 10;

/**
 * Bounds the requests that repeat what the server has put off: a share of those that succeed, and a few for each second.
 * Source: Google, "Site Reliability Engineering", chapter 21, retry budgets.
 */
export class RetryBudget {
  readonly #options: RetryBudgetOptions;
  #tokens = MOST;
  #filledAtMs: number;

  constructor(options: RetryBudgetOptions) {
    this.#options = options;
    this.#filledAtMs = options.nowMs;
  }

  succeeded(): void {
    this.#tokens = Math.min(MOST, this.#tokens + this.#options.ratio);
  }

  /** In how many milliseconds there is one to take; 0: now. */
  waitMs(nowMs: number): number {
    const { perSecond } = this.#options;
    this.#tokens = Math.min(MOST, this.#tokens + ((nowMs - this.#filledAtMs) / 1000) * perSecond);
    this.#filledAtMs = nowMs;
    if (this.#tokens >= 1) return 0;
    return perSecond === 0 ? 1000 : Math.ceil(((1 - this.#tokens) / perSecond) * 1000);
  }

  /** After `waitMs` has said that there is one. */
  take(): void {
    this.#tokens -= 1;
  }
}
