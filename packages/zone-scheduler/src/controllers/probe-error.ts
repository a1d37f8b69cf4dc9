import { MEDIAN_ERROR } from './median.ts';

/** Of the logarithms of latencies, as is usual. */
const DEVIATION = 0.4;
/** Standard errors that are allowed for. */
const SURE = 3;

/**
 * By how much, as a share, the latency of an idle downstream may be above the median of so many probes: 0.38 with 16 of them. One
 * start in a hundred would else take a downstream that idles for a saturated one, and be late in its first cycle.
 */
export function probeError(probes: number): number {
  return (SURE * MEDIAN_ERROR * DEVIATION) / Math.sqrt(probes);
}
