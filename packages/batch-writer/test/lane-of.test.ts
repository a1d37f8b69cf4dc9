import { expect, test } from 'vitest';
import { laneOf } from '../src/lane-of.ts';

test('gives a key always the same lane and uses all lanes about equally', () => {
  const counts = new Map<number, number>();
  for (let id = 0; id < 10_000; id++) {
    const lane = laneOf(String(id), 4);
    expect(laneOf(String(id), 4)).toBe(lane);
    counts.set(lane, (counts.get(lane) ?? 0) + 1);
  }

  expect([...counts.keys()].sort()).toEqual([0, 1, 2, 3]);
  for (const count of counts.values()) expect(count).toBeGreaterThan(2000);
});
