import type { LatencySummary } from './cycle-report.ts';

/** Each bucket is 2 % wide, so that its middle is at most 1 % away from what fell into it. */
const WIDTH = Math.log(1.02);
const LEAST_MS = 0.01;
/** Up to 10 minutes; what is longer falls into the last one. */
const BUCKETS = Math.ceil(Math.log(600_000 / LEAST_MS) / WIDTH) + 1;

/** Quantiles of any number of latencies in constant memory. */
export class LatencyHistogram {
  readonly #buckets = new Uint32Array(BUCKETS);
  #count = 0;
  #sumMs = 0;
  #maxMs = 0;

  get count(): number {
    return this.#count;
  }

  /** 0 when empty. */
  get maxMs(): number {
    return this.#maxMs;
  }

  /** NaN when empty. */
  get meanMs(): number {
    return this.#sumMs / this.#count;
  }

  record(latencyMs: number): void {
    const index = Math.round(Math.log(Math.max(latencyMs, LEAST_MS) / LEAST_MS) / WIDTH);
    const bucket = Math.min(index, BUCKETS - 1);
    this.#buckets[bucket] = (this.#buckets[bucket] ?? 0) + 1;
    this.#count += 1;
    this.#sumMs += latencyMs;
    if (latencyMs > this.#maxMs) this.#maxMs = latencyMs;
  }

  /** The `share`-quantile, from 0 to 1, by the nearest rank; NaN when empty. */
  quantile(share: number): number {
    if (this.#count === 0) return NaN;
    let left = Math.max(1, Math.ceil(share * this.#count));
    for (let index = 0; index < BUCKETS; index += 1) {
      left -= this.#buckets[index] ?? 0;
      if (left <= 0) return Math.min(LEAST_MS * Math.exp(index * WIDTH), this.#maxMs);
    }
    return this.#maxMs;
  }

  summary(): LatencySummary | null {
    if (this.#count === 0) return null;
    return {
      p50Ms: this.quantile(0.5),
      p90Ms: this.quantile(0.9),
      p99Ms: this.quantile(0.99),
      maxMs: this.#maxMs,
    };
  }

  /** Takes up what the other one has recorded. */
  add(other: LatencyHistogram): void {
    for (const [index, count] of other.#buckets.entries()) {
      this.#buckets[index] = (this.#buckets[index] ?? 0) + count;
    }
    this.#count += other.#count;
    this.#sumMs += other.#sumMs;
    this.#maxMs = Math.max(this.#maxMs, other.#maxMs);
  }

  clear(): void {
    this.#buckets.fill(0);
    this.#count = 0;
    this.#sumMs = 0;
    this.#maxMs = 0;
  }
}
