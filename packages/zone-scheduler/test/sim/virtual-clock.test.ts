import { seededRandom } from '@holdfast/internal';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createVirtualClock } from '../../src/sim/virtual-clock.ts';

describe('createVirtualClock', () => {
  it('fires timers in the order of time, those of one instant as they were set', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 50 })), async (delays) => {
        const clock = createVirtualClock();
        const fired: [number, number][] = [];
        delays.forEach((delayMs, n) =>
          clock.setTimer(() => {
            expect(clock.now()).toBe(delayMs);
            fired.push([delayMs, n]);
          }, delayMs),
        );
        await clock.runUntil(50);
        const sorted = delays.map((delayMs, n) => [delayMs, n]);
        expect(fired).toEqual(sorted.sort((a, b) => a[0]! - b[0]! || a[1]! - b[1]!));
      }),
    );
  });

  it('moves on only when every promise has settled, however long the chain', async () => {
    const clock = createVirtualClock();
    const seen: string[] = [];
    clock.setTimer(() => {
      void (async () => {
        for (let n = 0; n < 10_000; n += 1) await Promise.resolve();
        seen.push(`settled at ${clock.now()}`);
      })();
    }, 10);
    clock.setTimer(() => seen.push('next timer'), 10.5);

    await clock.runUntil(20);

    expect(seen).toEqual(['settled at 10', 'next timer']);
  });

  it('would be overtaken by such a chain with a fixed number of awaits: the control', async () => {
    let isSettled = false;
    void (async () => {
      for (let n = 0; n < 10_000; n += 1) await Promise.resolve();
      isSettled = true;
    })();
    for (let n = 0; n < 300; n += 1) await Promise.resolve();
    expect(isSettled).toBe(false);
  });

  it('does not fire what was cancelled, nor what is due later', async () => {
    const clock = createVirtualClock();
    const fired: number[] = [];
    const timer = clock.setTimer(() => fired.push(1), 5);
    clock.setTimer(() => fired.push(2), 11);
    timer.cancel();

    await clock.runUntil(10);

    expect(fired).toEqual([]);
    expect([clock.now(), clock.wallNow()]).toEqual([10, 10]);
    await clock.runUntil(11);
    expect(fired).toEqual([2]);
  });

  it('lets whoever waits for what rounding has left of a timer get through', async () => {
    const clock = createVirtualClock();
    let fired = 0;
    const arm = (): void => {
      fired += 1;
      if (fired < 1_000) clock.setTimer(arm, 1e-13);
    };
    arm();
    await clock.runUntil(999);
    expect(fired).toBe(1_000);
  });

  it('refuses to go back', async () => {
    const clock = createVirtualClock();
    await clock.runUntil(5);
    await expect(clock.runUntil(4)).rejects.toThrow(
      'untilMs must be a finite number of at least 5, got 4',
    );
  });

  it('keeps the order of a long random run', async () => {
    const clock = createVirtualClock();
    const random = seededRandom(7);
    let last = 0;
    for (let n = 0; n < 5_000; n += 1) {
      const timer = clock.setTimer(() => {
        expect(clock.now()).toBeGreaterThanOrEqual(last);
        last = clock.now();
      }, random() * 1_000);
      if (random() < 0.3) timer.cancel();
    }
    await clock.runUntil(1_000);
  });
});
