import { sleep } from '@holdfast/internal';
import { describe, expect, it } from 'vitest';
import { fixed } from '../../src/controllers/fixed.ts';
import { createZoneScheduler } from '../../src/create-zone-scheduler.ts';
import { createEventLoop } from '../../src/sim/event-loop.ts';
import { createVirtualClock, type VirtualClock } from '../../src/sim/virtual-clock.ts';

describe('an event loop that stands still', () => {
  it('fires its timers when it goes on, in their order, and then takes up what has arrived', async () => {
    const clock = createVirtualClock();
    const loop = createEventLoop(clock);
    const seen: string[] = [];
    const note = (what: string): void => void seen.push(`${what} ${clock.now()}`);

    loop.clock.setTimer(() => note('early'), 10);
    loop.clock.setTimer(() => note('second'), 40);
    loop.clock.setTimer(() => note('first'), 30);
    loop.clock.setTimer(() => note('never'), 30).cancel();
    void loop.deliver(sleep(20, { clock })).then(() => note('answer'));
    clock.setTimer(() => loop.stall(100), 15);
    await clock.runUntil(200);

    expect(seen).toEqual(['early 10', 'first 115', 'second 115', 'answer 115']);
  });

  it('cancels a timer that is held', async () => {
    const clock = createVirtualClock();
    const loop = createEventLoop(clock);
    let fired = 0;
    const timer = loop.clock.setTimer(() => void (fired += 1), 30);
    clock.setTimer(() => loop.stall(100), 15);
    await clock.runUntil(50);

    timer.cancel();
    await clock.runUntil(200);

    expect(fired).toBe(0);
  });
});

describe('a step of the wall clock', () => {
  const HOUR_MS = 3_600_000;

  /** Ticks of 60 cycles in which the wall clock is set forward and back. */
  async function run(
    now: (clock: VirtualClock) => number,
  ): Promise<[cycles: number, missed: number]> {
    const clock = createVirtualClock();
    const scheduler = createZoneScheduler({
      zones: () => [{ id: 'north' }],
      handler: () => Promise.resolve(),
      controller: fixed(1),
      cycleMs: 1_000,
      clock: { ...clock, now: () => now(clock) },
    });
    await Promise.all([scheduler.start(), clock.runUntil(0)]);
    await clock.runUntil(20_500);
    clock.stepWall(HOUR_MS);
    await clock.runUntil(40_500);
    clock.stepWall(-2 * HOUR_MS);
    await clock.runUntil(59_999);
    const { cycles, missedTicks } = scheduler.snapshot().counters;
    const closing = scheduler.close({ timeoutMs: 0 });
    await clock.runUntil(70_000);
    await closing;
    return [cycles, missedTicks];
  }

  it('changes nothing', async () => {
    expect(await run((clock) => clock.now())).toEqual([60, 0]);
  });

  it('would, were the ticks taken from the wall clock (the negative control)', async () => {
    const [cycles, missed] = await run((clock) => clock.wallNow());
    expect(cycles).toBeLessThan(60);
    expect(missed).toBeGreaterThan(1_000);
  });
});
