/** However often the set changes, it counts as settled after so many times `settleMs`. */
const MAX_TIMES = 3;

/** After so long the set of the members has settled, whatever happens. */
export function longestSettlingMs(settleMs: number): number {
  return settleMs * MAX_TIMES;
}

/** Whether the set of the members has been the same for long enough; a start of many instances then moves shards once. */
export class Settling {
  readonly #settleMs: number;
  #key: string | undefined;
  #changedAtMs = 0;
  #unsettledFromMs = 0;
  #isSettled = true;

  constructor(settleMs: number) {
    this.#settleMs = settleMs;
  }

  /** What was seen at `nowMs`. */
  see(key: string, nowMs: number): boolean {
    if (key !== this.#key) {
      if (this.#isSettled) this.#unsettledFromMs = nowMs;
      this.#key = key;
      this.#changedAtMs = nowMs;
    }
    this.#isSettled =
      nowMs - this.#changedAtMs >= this.#settleMs ||
      nowMs - this.#unsettledFromMs >= longestSettlingMs(this.#settleMs);
    return this.#isSettled;
  }
}
