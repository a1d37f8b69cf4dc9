import { MEDIAN_ERROR, deviationOf, median } from './median.ts';

/** Of the probes of one cycle; of the first ones as a plain mean: one sample alone is too little. */
const WEIGHT = 0.3;
/** So many samples of equal weight would be as exact as all of them with theirs. */
const MOST_SAMPLES = (2 - WEIGHT) / WEIGHT;
/** With fewer probes the error would excuse a downstream that is saturated. */
const FEWEST = 16;
/** Standard deviation of the logarithms of latencies, as is usual; a smaller one changes nothing. */
const USUAL_DEVIATION = 0.4;
/** A wider one counts as that: latencies that swing would excuse everything. */
const MOST_DEVIATION = 1.5;
/** Standard errors that are allowed for. */
const SURE = 3;

/** What an idle downstream takes, by the probes of the latest cycles, and how exactly that is known. */
export class IdleLatency {
  #ms = NaN;
  #samples = 0;
  #deviation = USUAL_DEVIATION;

  /** Median latency; NaN before the first probes. */
  get ms(): number {
    return this.#ms;
  }

  /**
   * @param wanted how many probes a whole sample has.
   * @param credibleMs what their median may be at most, unless it was more before. Latencies that spread widely are allowed
   * their error beside it: to take from what is above the truth, and not from what is below, would drag the mean down.
   */
  learn(probes: readonly number[], wanted: number, credibleMs: number): void {
    const sampleMs = median(probes);
    const before = Number.isNaN(this.#ms) ? sampleMs : this.#ms;
    this.#samples += 1;
    const weight = Math.max(WEIGHT, 1 / this.#samples) * Math.min(1, probes.length / wanted);
    const unusual = errorOf(this.#deviation - USUAL_DEVIATION, 1 / Math.max(FEWEST, wanted));
    const mostMs = Math.max(before, credibleMs * (1 + unusual));
    this.#ms = before + weight * (Math.min(sampleMs, mostMs) - before);
  }

  /** Takes up how widely the latencies of a window spread in which the downstream was as if idle. */
  spread(p50Ms: number, p90Ms: number, weight: number): void {
    const seen = deviationOf(p50Ms, p90Ms);
    if (!Number.isFinite(seen)) return;
    const deviation = Math.min(MOST_DEVIATION, Math.max(USUAL_DEVIATION, seen));
    this.#deviation += weight * (deviation - this.#deviation);
  }

  /**
   * By how much, as a share, the median latency of windows may be above that of the probes by chance. With usual latencies and
   * one sample of 16 probes or fewer it is 0.38 and more: one start in a hundred would else take a downstream that idles for a
   * saturated one, and be late in its first cycle.
   *
   * @param wanted how many probes a whole sample has.
   * @param windows variance of the smoothed median of the windows, that of one success being 1.
   */
  error(wanted: number, windows: number): number {
    const probes = Math.max(FEWEST, wanted * Math.min(this.#samples, MOST_SAMPLES));
    return errorOf(this.#deviation, 1 / probes + windows);
  }

  /** Empty before the first probes. */
  snapshot(): number[] {
    return Number.isNaN(this.#ms) ? [] : [this.#ms, this.#samples, this.#deviation];
  }

  restore([ms = NaN, samples = 0, deviation = USUAL_DEVIATION]: readonly number[]): void {
    this.#ms = ms;
    this.#samples = samples;
    this.#deviation = Math.min(MOST_DEVIATION, Math.max(USUAL_DEVIATION, deviation));
  }
}

/** @param variance of a median, that of one latency being 1. */
function errorOf(deviation: number, variance: number): number {
  return SURE * MEDIAN_ERROR * deviation * Math.sqrt(variance);
}
