import { MEDIAN_ERROR } from './median.ts';

/** Of the logarithms of latencies, as is usual. */
const DEVIATION = 0.4;
/** Standard errors that are allowed for. */
const SURE = 3;
/** With fewer of them it would excuse a downstream that is saturated. */
const FEWEST = 16;

/**
 * By how much, as a share, the latency of an idle downstream may be above the median of so many probes: 0.38 with 16 of them or
 * fewer. One start in a hundred would else take a downstream that idles for a saturated one, and be late in its first cycle.
 */
export function probeError(probes: number): number {
  return (SURE * MEDIAN_ERROR * DEVIATION) / Math.sqrt(Math.max(probes, FEWEST));
}
