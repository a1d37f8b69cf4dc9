/**
 * A bucket of permits, kept as the one time at which it would be empty no longer: the generic cell rate algorithm
 * (ITU-T I.371, 2004).
 */
export class RateBucket {
  readonly #count: number;
  readonly #intervalMs: number;
  #fullAtMs: number;

  constructor(
    { count, perMs }: { readonly count: number; readonly perMs: number },
    fullAtMs = -Infinity,
  ) {
    this.#fullAtMs = fullAtMs;
    this.#count = count;
    this.#intervalMs = perMs / count;
  }

  get fullAtMs(): number {
    return this.#fullAtMs;
  }

  available(nowMs: number): number {
    const missing = Math.max(0, this.#fullAtMs - nowMs) / this.#intervalMs;
    // A hair's breadth for the rounding of the division.
    return Math.max(0, Math.floor(this.#count - missing + 1e-9));
  }

  take(count: number, nowMs: number): void {
    this.#fullAtMs = Math.max(this.#fullAtMs, nowMs) + count * this.#intervalMs;
  }

  /** Milliseconds until there is a permit; 0 when there is one. */
  waitMs(nowMs: number): number {
    const allowedMs = (this.#count - 1) * this.#intervalMs;
    return Math.max(0, this.#fullAtMs - nowMs - allowedMs);
  }
}
