/**
 * Retries that are allowed for what succeeds: each success earns `ratio` of a retry, up to a reserve of `burst` (Google,
 * "Site Reliability Engineering", chapter 21, 2016).
 */
export class RetryBudget {
  readonly #ratio: number;
  readonly #burst: number;
  #tokens: number;

  constructor({ ratio, burst }: { readonly ratio: number; readonly burst: number }) {
    this.#ratio = ratio;
    this.#burst = burst;
    this.#tokens = burst;
  }

  succeed(): void {
    this.#tokens = Math.min(this.#burst, this.#tokens + this.#ratio);
  }

  /** False: the budget is spent. */
  spend(): boolean {
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
