/** Standard error of a median over that of a mean, for normal deviates: the root of half of pi. */
export const MEDIAN_ERROR = Math.sqrt(Math.PI / 2);

/** From the median to nine tenths, in standard deviations. */
const P90 = 1.2816;

/** Standard deviation of the logarithms of latencies, if those are normal. */
export function deviationOf(p50Ms: number, p90Ms: number): number {
  return Math.log(p90Ms / p50Ms) / P90;
}

/**
 * The middle of the whole set, of an even one the mean of the two in the middle; NaN of an empty one. To be taken of a
 * sample that is complete: the median of those that came first is too small, for the slow ones come last.
 */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const upper = sorted[sorted.length >> 1] ?? NaN;
  const lower = sorted[(sorted.length - 1) >> 1] ?? NaN;
  return (lower + upper) / 2;
}
