/**
 * Below this a wait is none, milliseconds: sums of intervals such as 1 000 / 3 are off by rounding, and a caller that
 * waited for exactly as long as it was told must not be turned away for that.
 */
export const ROUNDING_MS = 0.001;

/**
 * The generic cell rate algorithm (ITU-T I.371, annex A; the virtual scheduling form). Its whole state is the
 * theoretical arrival time: when the next permit were due if all before it had come evenly.
 */
export class Gcra {
  readonly #intervalMs: number;
  /** How much before its theoretical time a call may come: what lets a burst through. */
  readonly #toleranceMs: number;
  #theoreticalMs = -Infinity;

  constructor(intervalMs: number, burst: number) {
    this.#intervalMs = intervalMs;
    this.#toleranceMs = intervalMs * (burst - 1);
  }

  /** Milliseconds until the next permit that nobody has taken. */
  waitMs(nowMs: number): number {
    const waitMs = this.#theoreticalMs - this.#toleranceMs - nowMs;
    return waitMs < ROUNDING_MS ? 0 : waitMs;
  }

  /** Takes the next permit, to be used after `waitMs()`. */
  take(nowMs: number): void {
    this.#theoreticalMs = Math.max(nowMs, this.#theoreticalMs) + this.#intervalMs;
  }

  /** Takes back the last permit that was taken and not used yet. */
  giveBack(): void {
    this.#theoreticalMs -= this.#intervalMs;
  }

  /** When the first of `taken` permits that were taken and not used yet may be used. */
  dueMs(taken: number): number {
    return this.#theoreticalMs - this.#toleranceMs - taken * this.#intervalMs;
  }

  /**
   * The first permit is used `lateMs` after it was due. Less than an interval is made up for, so that late timers cost
   * no throughput; of more, as much as the burst is kept, so that a blocked event loop is not followed by a flood.
   */
  useLate(lateMs: number): void {
    if (lateMs >= this.#intervalMs && lateMs > this.#toleranceMs) {
      this.#theoreticalMs += lateMs - this.#toleranceMs;
    }
  }

  /** Permits that could be used now; below 0: so many were taken in advance. */
  available(nowMs: number): number {
    const spanMs = nowMs - Math.max(nowMs, this.#theoreticalMs) + this.#toleranceMs;
    return Math.floor((spanMs + ROUNDING_MS) / this.#intervalMs) + 1;
  }
}
