import { describe, expect, it } from 'vitest';
import { sleep } from '@holdfast/internal';
import { createFakeClock } from '@holdfast/testkit';

describe('createFakeClock', () => {
  it('fires due timers in the order of their due time, equal ones in the order they were set', async () => {
    const clock = createFakeClock();
    const fired: string[] = [];
    clock.setTimer(() => fired.push('b'), 20);
    clock.setTimer(() => fired.push('a'), 10);
    clock.setTimer(() => fired.push('c'), 20);
    clock.setTimer(() => fired.push('late'), 21);
    await clock.advance(20);
    expect(fired).toEqual(['a', 'b', 'c']);
    expect(clock.now()).toBe(20);
    expect(clock.pending()).toBe(1);
  });

  it('lets promises settle between timers, so that a chain of sleeps runs in one advance', async () => {
    const clock = createFakeClock();
    const woken: number[] = [];
    const chain = async (): Promise<void> => {
      for (let turn = 0; turn < 3; turn += 1) {
        await sleep(10, { clock });
        woken.push(clock.now());
      }
    };
    const done = chain();
    await clock.advance(30);
    await done;
    expect(woken).toEqual([10, 20, 30]);
  });

  it('does not fire a cancelled timer', async () => {
    const clock = createFakeClock();
    let fired = 0;
    const timer = clock.setTimer(() => (fired += 1), 5);
    timer.cancel();
    timer.cancel();
    await clock.advance(10);
    expect(fired).toBe(0);
    expect(clock.pending()).toBe(0);
  });

  it('moves the wall clock along', async () => {
    const clock = createFakeClock({ startMs: 500, wallStartMs: 1_000 });
    await clock.advance(250);
    expect([clock.now(), clock.wallNow()]).toEqual([750, 1_250]);
  });

  it('rejects with what a timer throws and stands at that timer', async () => {
    const clock = createFakeClock();
    clock.setTimer(() => {
      throw new Error('boom');
    }, 3);
    await expect(clock.advance(10)).rejects.toThrow('boom');
    expect(clock.now()).toBe(3);
  });

  it('refuses to go back or to be advanced twice at once', async () => {
    const clock = createFakeClock();
    await expect(clock.advance(-1)).rejects.toThrow(
      'ms must be a finite number of at least 0, got -1',
    );
    const first = clock.advance(1);
    await expect(clock.advance(1)).rejects.toThrow('another advance() still runs');
    await first;
  });
});
