import { sleep } from '@holdfast/internal';
import { expect, it } from 'vitest';
import { fixed } from '../src/controllers/fixed.ts';
import { OwnershipLostError } from '../src/errors.ts';
import { allZones } from '../src/shards/all-zones.ts';
import { setUp } from './set-up.ts';

it('a handler may take each member out of its context by itself', async () => {
  let isHeld = true;
  const pushedBack: boolean[] = [];
  const { clock, scheduler } = setUp(['a'], {
    shards: { ...allZones(), isHeld: () => isHeld },
    controller: {
      ...fixed(2),
      windowMs: 100,
      observe: (window) => pushedBack.push(window.isPushedBack),
    },
    handler: (_zone, { cycle, signal, deadlineMs, fence, assertOwned, pushBack }) => {
      expect([cycle, signal.aborted, deadlineMs, fence]).toEqual([1, false, 1_300, undefined]);
      pushBack();
      assertOwned();
      isHeld = false;
      expect(assertOwned).toThrow(OwnershipLostError);
      return sleep(150, { clock, signal });
    },
  });

  const report = scheduler.runCycle();
  await clock.advance(200);

  expect((await report).failures).toEqual([]);
  expect(pushedBack).toEqual([true]);
});
