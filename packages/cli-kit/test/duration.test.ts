import { expect, it } from 'vitest';
import { ageMs, formatDuration } from '../src/index.ts';

it.each([
  [0, '0 ms'],
  [999.9, '999 ms'],
  [1_000, '1.0 s'],
  [59_960, '59.9 s'],
  [60_000, '1 min 0 s'],
  [3_599_999, '59 min 59 s'],
  [3_600_000, '1 h 0 min'],
  [86_399_999, '23 h 59 min'],
  [190_800_000, '2 d 5 h'],
])('writes %d ms as %s', (ms, text) => {
  expect(formatDuration(ms)).toBe(text);
});

it('never gives a negative age', () => {
  expect(ageMs(new Date(5_000), new Date(4_000))).toBe(0);
  expect(ageMs(new Date(4_000), new Date(5_000))).toBe(1_000);
});
