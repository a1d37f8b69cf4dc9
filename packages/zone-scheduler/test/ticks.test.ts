import { expect, it } from 'vitest';
import { latestTick, tickAt } from '../src/ticks.ts';

const series = { originMs: 500, cycleMs: 100 };

it('lays ticks at multiples of the cycle from the origin', () => {
  expect(tickAt(series, 0)).toEqual({ index: 0, plannedMs: 500, endMs: 600 });
  expect(tickAt(series, 7)).toEqual({ index: 7, plannedMs: 1_200, endMs: 1_300 });
});

it.each([
  { nowMs: 700, index: 2, missed: 0, when: 'just in time' },
  { nowMs: 699.7, index: 2, missed: 0, when: 'when the timer fires early' },
  { nowMs: 799, index: 2, missed: 0, when: 'late, but before the next tick' },
  { nowMs: 800, index: 3, missed: 1, when: 'a whole cycle late' },
  { nowMs: 1_250, index: 7, missed: 5, when: 'very late' },
])('runs tick $index and misses $missed $when', ({ nowMs, index, missed }) => {
  expect(latestTick(series, 2, nowMs)).toEqual({ tick: tickAt(series, index), missed });
});
