import { createFakeClock } from '@holdfast/testkit';
import { expect, it } from 'vitest';
import { createSweepTimer } from '../src/sweep-timer.ts';

it('holds one timer for any number of deadlines and fires for the earliest', async () => {
  const clock = createFakeClock();
  const sweeps: number[] = [];
  const timer = createSweepTimer(clock, (nowMs) => {
    sweeps.push(nowMs);
    return undefined;
  });

  for (const dueMs of [50, 30, 40, 30, 90]) timer.watch(dueMs);
  expect(clock.pending()).toBe(1);
  await clock.advance(100);

  expect(sweeps).toEqual([30]);
  expect(clock.pending()).toBe(0);
});

it('goes on with the deadline that the sweep returns', async () => {
  const clock = createFakeClock();
  const sweeps: number[] = [];
  const timer = createSweepTimer(clock, (nowMs) => {
    sweeps.push(nowMs);
    return nowMs < 60 ? nowMs + 20 : undefined;
  });

  timer.watch(20);
  await clock.advance(100);

  expect(sweeps).toEqual([20, 40, 60]);
});

it('fires no more once it is stopped', async () => {
  const clock = createFakeClock();
  let sweeps = 0;
  const timer = createSweepTimer(clock, () => void (sweeps += 1));

  timer.watch(20);
  timer.stop();
  await clock.advance(100);

  expect([sweeps, clock.pending()]).toEqual([0, 0]);
});
