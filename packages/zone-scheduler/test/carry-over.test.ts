import { sleep } from '@holdfast/internal';
import { createFakeClock } from '@holdfast/testkit';
import { expect, it } from 'vitest';
import { fixed } from '../src/controllers/fixed.ts';
import { setUp } from './set-up.ts';

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
  expect(started.slice(4)).toEqual(expect.arrayContaining(['z7', 'z8']));
  await scheduler.close();
});
