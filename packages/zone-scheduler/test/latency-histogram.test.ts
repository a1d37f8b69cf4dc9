import fc from 'fast-check';
import { testSeed } from '@holdfast/testkit';
import { expect, it } from 'vitest';
import { LatencyHistogram } from '../src/latency-histogram.ts';

it('gives each quantile to 1 %, whatever the latencies', () => {
  const latency = fc.double({ min: 0.02, max: 500_000, noNaN: true });

  fc.assert(
    fc.property(
      fc.array(latency, { minLength: 1, maxLength: 200 }),
      fc.nat(100),
      (all, percent) => {
        const histogram = new LatencyHistogram();
        for (const latencyMs of all) histogram.record(latencyMs);

        const sorted = [...all].sort((a, b) => a - b);
        const exact = sorted[Math.max(1, Math.ceil((percent / 100) * all.length)) - 1] ?? NaN;
        expect(histogram.quantile(percent / 100) / exact).toBeGreaterThan(0.9899);
        expect(histogram.quantile(percent / 100) / exact).toBeLessThan(1.0101);
        expect(histogram.maxMs).toBe(sorted.at(-1));
        expect(histogram.count).toBe(all.length);
      },
    ),
    { seed: testSeed() },
  );
});

it('takes up what another one has recorded', () => {
  const all = new LatencyHistogram();
  const [one, other] = [new LatencyHistogram(), new LatencyHistogram()];
  for (const latencyMs of [1, 5, 25, 125, 625]) {
    all.record(latencyMs);
    (latencyMs > 25 ? other : one).record(latencyMs);
  }

  one.add(other);

  expect(one).toEqual(all);
  expect(one.summary()).toEqual(all.summary());
  expect([one.count, one.meanMs]).toEqual([all.count, all.meanMs]);
});

it('has no summary while it is empty, and is empty again once it is cleared', () => {
  const histogram = new LatencyHistogram();
  expect(histogram.summary()).toBeNull();

  histogram.record(120);
  expect(histogram.summary()).toMatchObject({ maxMs: 120 });
  expect(histogram.summary()?.p99Ms).toBeGreaterThan(118.8);
  histogram.clear();

  expect(histogram.summary()).toBeNull();
  expect([histogram.count, histogram.meanMs, histogram.quantile(0.5)]).toEqual([0, NaN, NaN]);
});

it('keeps what is out of its range in its first and last bucket', () => {
  const histogram = new LatencyHistogram();
  histogram.record(0);
  expect(histogram.quantile(0.5)).toBe(0);

  histogram.record(9e9);
  histogram.record(9e9);
  expect(histogram.quantile(0.9)).toBeGreaterThan(590_000);
  expect(histogram.maxMs).toBe(9e9);
});
