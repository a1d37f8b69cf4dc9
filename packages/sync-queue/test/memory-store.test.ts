import { memoryStore } from '@holdfast/sync-queue';
import { createFakeClock } from '@holdfast/testkit';
import { describeStore } from './store-contract.ts';

describeStore('memory', async () => {
  const clock = createFakeClock();
  return {
    store: memoryStore({ clock }),
    elapse: (ms) => clock.advance(ms),
    close: async () => undefined,
  };
});
