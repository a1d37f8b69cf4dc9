import { sleep } from '@holdfast/internal';
import { createFakeClock } from '@holdfast/testkit';
import { describe, expect, it } from 'vitest';
import { createBudget } from '../src/controllers/budget.ts';
import { fixed } from '../src/controllers/fixed.ts';
import { setUp } from './set-up.ts';

const refused = (): Error => Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });
const ids = (count: number): string[] => Array.from({ length: count }, (_, n) => `z${n}`);

/** Throws when it is asked for so many timers that somebody must be turning in a circle. */
function createCountedClock() {
  const clock = createFakeClock();
  let timers = 0;
  return {
    ...clock,
    setTimer(fire: () => void, delayMs: number) {
      timers += 1;
      if (timers > 100) throw new Error('timers without end');
      return clock.setTimer(fire, delayMs);
    },
  };
}

describe('a probe that is overdue sets no timer', () => {
  it('while another zone runs', async () => {
    const clock = createCountedClock();
    const breaker = { sample: 2, probeEveryMs: 50 };
    const { scheduler, started, finish } = setUp(ids(6), { clock, breaker });
    const report = scheduler.runCycle();
    await clock.advance(1);
    finish('z0', refused());
    finish('z1', refused());
    await clock.advance(60);
    expect(scheduler.snapshot().isDownstreamDown).toBe(true);

    // What runs now hangs until its time-out, much longer than from one probe to the next.
    await clock.advance(2_000);

    expect(started).toEqual(ids(6));
    expect((await report).zones).toMatchObject({ planned: 6, failed: 2, timedOut: 4 });
  });

  it('while others have all slots of the budget, and is made up for when one gives back', async () => {
    const clock = createCountedClock();
    const budget = createBudget({ max: 2 });
    const other = budget.register('other');
    const { scheduler, started, finish } = setUp(ids(3), {
      ...{ clock, budget: budget.register('own'), controller: fixed(1) },
      breaker: { sample: 1, probeEveryMs: 50 },
    });
    const report = scheduler.runCycle();
    await clock.advance(1);
    other.take();
    other.take();
    finish('z0', refused());
    await clock.advance(200);
    expect(started).toEqual(['z0']);

    other.giveBack();
    await clock.advance(0);

    expect(started).toEqual(['z0', 'z1']);
    await clock.advance(2_000);
    expect((await report).zones).toMatchObject({ failed: 1, timedOut: 2 });
  });
});

it('a breaker stays open when something succeeds that was started before it opened', async () => {
  const breaker = { sample: 2, probeEveryMs: 50 };
  const { clock, scheduler, started, finish } = setUp(ids(8), { controller: fixed(4), breaker });
  const downs: boolean[] = [];
  scheduler.on('downstream', ({ isDown }) => downs.push(isDown));
  void scheduler.runCycle();
  await clock.advance(1);
  finish('z0', refused());
  finish('z1', refused());
  await clock.advance(1);
  const before = started.length;

  // They ran beside those that failed.
  for (const id of started.slice(2)) finish(id);
  await clock.advance(40);
  expect([downs, started.length]).toEqual([[true], before]);

  await clock.advance(10);
  expect(started).toHaveLength(before + 1);
  finish(started[before]!);
  await clock.advance(0);
  expect(downs).toEqual([true, false]);
});

it('a downstream that is down is waited for in a long cycle as in a short one', async () => {
  const clock = createFakeClock();
  let isDown = false;
  const { scheduler } = setUp(ids(100), {
    handler: async () => {
      await sleep(100, { clock });
      if (isDown) throw refused();
    },
    ...{ clock, controller: fixed(4), cycleMs: 1_000, breaker: { sample: 4, probeEveryMs: 50 } },
  });

  const report = scheduler.runCycle();
  await clock.advance(1_500);
  isDown = true;
  await clock.advance(300);
  isDown = false;
  await clock.advance(3_000);

  expect(await report).toMatchObject({ outcome: 'partial', zones: { deferred: 0 } });
});
