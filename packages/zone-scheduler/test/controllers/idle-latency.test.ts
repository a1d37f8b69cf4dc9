import { expect, it } from 'vitest';
import { IdleLatency } from '../../src/controllers/idle-latency.ts';

const SAMPLE = 16;

function after(...medians: readonly number[]): IdleLatency {
  const idle = new IdleLatency();
  for (const ms of medians) idle.learn(Array<number>(SAMPLE).fill(ms), SAMPLE, Infinity);
  return idle;
}

/** As windows show whose latencies spread so widely. */
function spread(idle: IdleLatency, p90Ms: number): IdleLatency {
  for (let n = 0; n < 50; n += 1) idle.spread(100, p90Ms, 0.3);
  return idle;
}

it('is the mean of the first medians, and follows the later ones', () => {
  expect(after(100).ms).toBe(100);
  expect(after(100, 200, 300).ms).toBeCloseTo(200);
  expect(after(...Array<number>(20).fill(100), 200).ms).toBeCloseTo(130);
});

it('becomes more exact with each sample, as far as the last ones count', () => {
  expect(after(100).error(SAMPLE, 0)).toBeCloseTo(0.376, 3);
  expect(after(100, 100, 100, 100).error(SAMPLE, 0)).toBeCloseTo(0.188, 3);
  expect(after(...Array<number>(6).fill(100)).error(SAMPLE, 0)).toBeCloseTo(0.158, 3);
  expect(after(...Array<number>(99).fill(100)).error(SAMPLE, 0)).toBeCloseTo(0.158, 3);
  expect(after(100).error(SAMPLE, 1 / 16)).toBeCloseTo(0.376 * Math.SQRT2, 3);
});

it('counts fewer probes than 16 as 16', () => {
  expect([1, 4].map((wanted) => after(100).error(wanted, 0))).toEqual([
    after(100).error(SAMPLE, 0),
    after(100).error(SAMPLE, 0),
  ]);
});

it('is less exact where latencies spread widely, up to a bound, and never more exact than usual', () => {
  const usual = after(100).error(SAMPLE, 0);
  // A lognormal latency of that deviation.
  const p90Ms = (deviation: number): number => 100 * Math.exp(1.2816 * deviation);

  expect(spread(after(100), p90Ms(0.8)).error(SAMPLE, 0)).toBeCloseTo(2 * usual);
  expect(spread(after(100), p90Ms(9)).error(SAMPLE, 0)).toBeCloseTo((1.5 / 0.4) * usual);
  expect(spread(after(100), 100).error(SAMPLE, 0)).toBe(usual);
});

it('learns nothing from a window without a latency', () => {
  const idle = after(100);
  idle.spread(0, 0, 0.3);
  idle.spread(NaN, NaN, 0.3);
  idle.spread(100, NaN, 0.3);
  idle.spread(0, 100, 0.3);
  expect(idle.error(SAMPLE, 0)).toBeCloseTo(0.376, 3);
});

it('believes probes up to what is credible, beside the error of what spreads widely', () => {
  const learnFrom = (idle: IdleLatency, credibleMs: number): number => {
    idle.learn(Array<number>(SAMPLE).fill(400), SAMPLE, credibleMs);
    return idle.ms;
  };

  expect(learnFrom(after(100), 150)).toBeCloseTo((100 + 150) / 2);
  expect(learnFrom(after(100), 50)).toBe(100);
  const p90Ms = 100 * Math.exp(1.2816 * 0.8);
  expect(learnFrom(spread(after(100), p90Ms), 150)).toBeCloseTo((100 + 150 * 1.376) / 2, 0);
});
