import type { LatencySummary } from './cycle-report.ts';

/**
 * Each octave has so many buckets, all of one width: a latency's is told by its exponent and the first bits of its fraction
 * (IEEE 754, binary64), without a logarithm. The middle of one is at most 0.8 % away from what fell into it.
 */
const BUCKETS_BITS = 6;
const IN_OCTAVE = 2 ** BUCKETS_BITS;
/** From 8 µs to 17 minutes; what is beyond falls into the first or last one. */
const LEAST_EXPONENT = -7;
const MOST_EXPONENT = 20;
const LEAST_MS = 2 ** LEAST_EXPONENT;
const BUCKETS = (MOST_EXPONENT - LEAST_EXPONENT) * IN_OCTAVE;
/** Of the upper 32 bits 20 are of the fraction. */
const BELOW_BUCKET = 20 - BUCKETS_BITS;
const FIRST = (1_023 + LEAST_EXPONENT) * IN_OCTAVE;
const number = new DataView(new ArrayBuffer(8));

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
    const bucket = bucketOf(latencyMs);
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
      if (left <= 0) return Math.min(middleOf(index), this.#maxMs);
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

function bucketOf(latencyMs: number): number {
  number.setFloat64(0, Math.max(latencyMs, LEAST_MS));
  return Math.min((number.getUint32(0) >>> BELOW_BUCKET) - FIRST, BUCKETS - 1);
}

function middleOf(bucket: number): number {
  const octave = Math.floor(bucket / IN_OCTAVE);
  const share = ((bucket % IN_OCTAVE) + 0.5) / IN_OCTAVE;
  return LEAST_MS * 2 ** octave * (1 + share);
}
