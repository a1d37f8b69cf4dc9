import { sleep } from '@holdfast/internal';
import { createFakeClock } from '@holdfast/testkit';
import { expect, it } from 'vitest';
import { fixed } from '../src/controllers/fixed.ts';
import { counts, setUp } from './set-up.ts';

const ids = (count: number): string[] => Array.from({ length: count }, (_, n) => `z${n}`);

it('goes on when deferred zones lie further back in the source than may be read ahead', async () => {
  const clock = createFakeClock();
  const { scheduler, started } = setUp(ids(10), {
    handler: async ({ id }) => {
      started.push(id);
      await sleep(100, { clock });
    },
    ...{ clock, controller: fixed(1), cycleMs: 700, maxReadAhead: 3 },
  });

  await scheduler.start();
  await clock.advance(699);
  expect(started).toEqual(ids(7));
  started.length = 0;
  await clock.advance(700);

  // As soon as they have been read; whatever has to be read before them makes room.
  expect(started.slice(4, 7)).toEqual(expect.arrayContaining(['z7', 'z8']));
  const closing = scheduler.close();
  await clock.advance(100);
  await closing;
});

it('starts no zone at the very end of a cycle, whichever timer fires first', async () => {
  const clock = createFakeClock();
  const { scheduler, reports } = setUp(ids(5), {
    // The fourth ends with the cycle.
    handler: () => sleep(250, { clock }),
    ...{ clock, controller: fixed(1), cycleMs: 1_000, timeoutMs: 300 },
  });

  await scheduler.start();
  await clock.advance(1_000);

  expect(reports[0]?.zones).toEqual(counts({ planned: 5, ok: 4, deferred: 1 }));
  const closing = scheduler.close();
  await clock.advance(300);
  await closing;
});
