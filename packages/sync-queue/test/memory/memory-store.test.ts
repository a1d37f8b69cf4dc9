import { memoryStore } from '@holdfast/sync-queue';
import { createFakeClock } from '@holdfast/testkit';
import { describeStore } from '../conformance/index.ts';

describeStore('memory', async () => {
  const clock = createFakeClock();
  return {
    store: memoryStore({ clock }),
    elapse: (ms) => clock.advance(ms),
    close: () => Promise.resolve(),
  };
});
