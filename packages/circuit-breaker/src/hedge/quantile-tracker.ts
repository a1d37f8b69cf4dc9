/** A step is at least so much of the scale, so that what is new keeps counting: about the last 1 000 observations do. */
const STEADY_GAIN = 0.02;
/** The n-th step is this by n of the scale, until that is less than the steady gain. */
const EARLY_GAIN = 2;
/** The scale is at least so much of the estimate: equal observations, or bounds that hide how far off they are. */
const LEAST_SCALE = 0.05;
/** Weight of the newest distance in the scale, once there are enough of them. */
const SCALE_WEIGHT = 0.01;

/**
 * Follows one quantile in constant memory and time. An observation above the estimate moves it up by `quantile` of a
 * step, one below by `1 - quantile` of a step down, which balance where just that part is below. Since only the side
 * counts, an observation of which no more is known than that it is above serves as well as any: the estimate is not
 * biased when what exceeds it is cut off. Source: H. Robbins and S. Monro, "A Stochastic Approximation Method", Annals
 * of Mathematical Statistics 22 (3), 1951; for quantiles, with a step in proportion to the spread: L. Tierney, "A
 * Space-Efficient Recursive Procedure for Estimating a Quantile of an Unknown Distribution", SIAM Journal on
 * Scientific and Statistical Computing 4 (4), 1983.
 */
export class QuantileTracker {
  /** How many observations there have been. */
  count = 0;
  /** NaN before the first observation. */
  estimate = NaN;
  readonly #quantile: number;
  /** Mean distance between the observations and the estimate. */
  #scale = 0;

  constructor(quantile: number) {
    this.#quantile = quantile;
  }

  record(observation: number): void {
    this.count += 1;
    if (this.count === 1) {
      this.estimate = observation;
      return;
    }
    this.#spread(Math.abs(observation - this.estimate));
    if (observation > this.estimate) this.#raise();
    else if (observation < this.estimate) this.#lower();
  }

  /** Of an observation that was cut off: it would have been `bound` or more. Ignored when that may be below. */
  recordAtLeast(bound: number): void {
    if (!(bound >= this.estimate)) return;
    this.count += 1;
    const distance = bound - this.estimate;
    if (distance > this.#scale) this.#spread(distance);
    this.#raise();
  }

  #spread(distance: number): void {
    this.#scale += Math.max(SCALE_WEIGHT, 1 / this.count) * (distance - this.#scale);
  }

  #raise(): void {
    this.estimate += this.#step() * this.#quantile;
  }

  #lower(): void {
    this.estimate = Math.max(0, this.estimate - this.#step() * (1 - this.#quantile));
  }

  #step(): number {
    const gain = Math.max(STEADY_GAIN, EARLY_GAIN / this.count);
    return gain * Math.max(this.#scale, LEAST_SCALE * this.estimate);
  }
}
