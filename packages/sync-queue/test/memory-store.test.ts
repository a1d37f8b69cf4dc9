import { memoryStore } from '@holdfast/sync-queue';
import { createFakeClock } from '@holdfast/testkit';
import { expect, test } from 'vitest';
import { describeStore } from './store-contract.ts';

describeStore('memory', async () => {
  const clock = createFakeClock();
  return {
    store: memoryStore({ clock }),
    elapse: (ms) => clock.advance(ms),
    close: async () => undefined,
  };
});

test('takes back and claims beside more timed items than fit on the stack', async () => {
  const clock = createFakeClock();
  const store = memoryStore({ clock });
  const count = 200_000;
  const limits = { maxCount: 3 * count, maxBytes: 3 * count };
  const payload = Buffer.from('x');
  const request = { maxItems: 1, leaseMs: 100, maxTries: 3 };
  const add = (prefix: string, delayMs: number): Promise<unknown> => {
    const items = Array.from({ length: count }, (_, index) => `${prefix}${index}`);
    return store.enqueue(
      'q',
      items.map((id) => ({ id, payload, delayMs })),
      limits,
    );
  };
  await add('delayed', 1000);
  await add('ready', 0);

  const all = await store.claim('q', { ...request, maxItems: count });
  expect(all.items).toHaveLength(count);
  expect(all.nextInMs).toBe(100);
  await clock.advance(100);
  const again = await store.claim('q', request);

  expect(again.items).toMatchObject([{ id: 'ready0', attempt: 2 }]);
  expect(again.nextInMs).toBe(100);
  expect((await store.claim('q', { ...request, maxItems: count })).items[0]).toMatchObject({
    id: 'ready1',
  });
});
