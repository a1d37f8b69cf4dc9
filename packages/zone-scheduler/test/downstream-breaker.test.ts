import { expect, it } from 'vitest';
import { DownstreamBreaker } from '../src/downstream-breaker.ts';
import type { FailureClass } from '../src/zone.ts';

function feed(breaker: DownstreamBreaker, results: readonly ('ok' | FailureClass)[]): void {
  results.forEach((result, startedMs) => breaker.record(result, 0, startedMs));
}

const repeat = (result: 'ok' | FailureClass, times: number) =>
  Array<typeof result>(times).fill(result);

it.each<[string, ('ok' | FailureClass)[], boolean]>([
  ['more than half of the downstream', [...repeat('ok', 4), ...repeat('downstream', 6)], true],
  ['half of the downstream', [...repeat('ok', 5), ...repeat('downstream', 5)], false],
  ['too few results', repeat('downstream', 9), false],
  ['nothing but time-outs', repeat('timeout', 10), true],
  ['time-outs and one success', [...repeat('timeout', 5), 'ok', ...repeat('timeout', 9)], false],
  [
    'time-outs and faults of the downstream',
    [...repeat('timeout', 6), ...repeat('downstream', 4)],
    true,
  ],
  ['nothing but failing zones', repeat('zone', 50), false],
  ['nothing but bugs', repeat('bug', 50), false],
  [
    'an old outage that has left the sample',
    [...repeat('downstream', 5), ...repeat('ok', 10), ...repeat('downstream', 5)],
    false,
  ],
])('after %s: open is %#', (_, results, isOpen) => {
  const breaker = new DownstreamBreaker({ sample: 10, failureRate: 0.5, probeEveryMs: 100 });

  feed(breaker, results);

  expect(breaker.isOpen).toBe(isOpen);
});

it('lets one zone through in each interval, and closes with the first that succeeds', () => {
  const breaker = new DownstreamBreaker({ sample: 2, failureRate: 0.5, probeEveryMs: 100 });
  expect(breaker.record('downstream', 1_000, 1_000)).toBe(false);
  expect(breaker.record('downstream', 1_000, 1_000)).toBe(true);

  expect(breaker.probeDueMs).toBe(1_100);
  expect(breaker.takeProbe(1_099)).toBe(false);
  expect(breaker.takeProbe(1_100)).toBe(true);
  expect(breaker.takeProbe(1_101)).toBe(false);
  expect(breaker.record('downstream', 1_150, 1_150)).toBe(false);
  expect(breaker.isOpen).toBe(true);
  expect(breaker.record('ok', 1_210, 1_210)).toBe(true);

  expect([breaker.isOpen, breaker.probeDueMs]).toEqual([false, Infinity]);
  // What had opened it counts no more.
  expect(breaker.record('downstream', 1_211, 1_211)).toBe(false);
});

it('does not take dead zones, which time out together at the end, for a downstream that is down', () => {
  const breaker = new DownstreamBreaker({ sample: 5, failureRate: 0.5, probeEveryMs: 100 });
  breaker.record('ok', 900, 800);

  for (let n = 0; n < 20; n += 1) breaker.record('timeout', 1_000, 700 + n);
  expect(breaker.isOpen).toBe(false);
  for (let n = 0; n < 5; n += 1) breaker.record('timeout', 2_000, 801 + n);
  expect(breaker.isOpen).toBe(true);
});
