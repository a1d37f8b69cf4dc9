import { LatencyHistogram } from './latency-histogram.ts';

/** So many are needed to tell whether one more zone fits into the cycle. */
const ENOUGH = 20;
/** A quantile of a histogram may be so much too low. */
const INEXACT = 1.01;

/** What zones take by the latest cycles: for a cycle that has too few latencies of its own. */
export class RecentLatencies {
  /** The newest first: no more than have enough together. */
  #cycles: readonly LatencyHistogram[] = [];
  #together = new LatencyHistogram();

  /** A cycle is over. */
  add(latest: LatencyHistogram): void {
    if (latest.count === 0) return;
    const together = new LatencyHistogram();
    this.#cycles = [latest, ...this.#cycles].filter((cycle) => {
      if (together.count >= ENOUGH) return false;
      together.add(cycle);
      return true;
    });
    this.#together = together;
  }

  /** Whether one zone in ten takes longer: by `own`, the latencies of the running cycle, as far as they are enough. */
  isTooShort(leftMs: number, own: LatencyHistogram): boolean {
    if (own.count >= ENOUGH) return leftMs <= own.maxMs && isBelowMost(leftMs, own);
    // Without any of its own a cycle could be over before it has learned that zones have become faster.
    if (own.count === 0 || own.count + this.#together.count < ENOUGH) return false;
    if (leftMs > Math.max(own.maxMs, this.#together.maxMs)) return false;
    const all = new LatencyHistogram();
    all.add(own);
    all.add(this.#together);
    return isBelowMost(leftMs, all);
  }
}

function isBelowMost(leftMs: number, latencies: LatencyHistogram): boolean {
  return leftMs < INEXACT * latencies.quantile(0.9);
}
