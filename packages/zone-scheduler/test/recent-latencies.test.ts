import { describe, expect, it } from 'vitest';
import { LatencyHistogram } from '../src/latency-histogram.ts';
import { RecentLatencies } from '../src/recent-latencies.ts';

/** `count` zones of `latencyMs`. */
function took(latencyMs: number, count: number): LatencyHistogram {
  const histogram = new LatencyHistogram();
  for (let n = 0; n < count; n += 1) histogram.record(latencyMs);
  return histogram;
}

function after(...cycles: readonly LatencyHistogram[]): RecentLatencies {
  const recent = new RecentLatencies();
  for (const cycle of cycles) recent.add(cycle);
  return recent;
}

describe('the time that is left', () => {
  it('is not known to be too short by fewer than 20 zones', () => {
    expect(after(took(100, 14)).isTooShort(50, took(100, 5))).toBe(false);
    expect(after(took(100, 15)).isTooShort(50, took(100, 5))).toBe(true);
    expect(after().isTooShort(50, took(100, 20))).toBe(true);
  });

  it('is enough when nine in ten take less', () => {
    const recent = after(took(100, 20));

    expect(recent.isTooShort(101, took(100, 1))).toBe(false);
    expect(recent.isTooShort(100, took(100, 1))).toBe(true);
  });

  it('goes by the latencies of the cycle alone once these are enough', () => {
    expect(after(took(100, 1_000)).isTooShort(50, took(10, 20))).toBe(false);
    expect(after(took(10, 1_000)).isTooShort(50, took(100, 20))).toBe(true);
  });

  it('goes by no more of the cycles before than have 20 together, the latest', () => {
    const recent = after(took(100, 1_000), took(10, 10), took(10, 10));

    expect(recent.isTooShort(50, took(10, 1))).toBe(false);
  });

  it('goes by none of them before one zone of the cycle has succeeded', () => {
    expect(after(took(100, 1_000)).isTooShort(50, took(100, 0))).toBe(false);
  });

  it('still goes by them after a cycle in which no zone succeeded', () => {
    expect(after(took(100, 20), took(100, 0)).isTooShort(50, took(100, 1))).toBe(true);
  });
});
