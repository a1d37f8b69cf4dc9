import { expect, test } from 'vitest';
import { TurnClock } from '../../src/loader/turn-clock.ts';

test('reads the clock once for 32 uses of one synchronous run, and again in the next', async () => {
  let reads = 0;
  const clock = new TurnClock({
    now: () => ++reads,
    wallNow: () => 0,
    setTimer: () => ({ cancel: () => undefined }),
  });

  expect(Array.from({ length: 33 }, () => clock.now())).toEqual([...Array<number>(32).fill(1), 2]);
  await Promise.resolve();

  expect(clock.now()).toBe(3);
});
