import { memoryOutboxStore, type OutboxStore } from '@holdfast/sync-queue';
import { expect, test } from 'vitest';
import { insert, setUp } from './set-up.ts';

/** As a store may: each write is done, taken back, and done again. */
function storeThatWritesTwice(): OutboxStore {
  const store = memoryOutboxStore();
  const takenBack = new Error('taken back');
  return {
    ...store,
    async write(work) {
      const first = store.write((rows) => {
        work(rows);
        throw takenBack;
      });
      await first.catch((error: unknown) => {
        if (error !== takenBack) throw error;
      });
      return store.write(work);
    },
  };
}

test('counts a retry once, and takes one token for it, though its write is done twice', async () => {
  let refusals = 6;
  const retry = { budgetPerSecond: 0, budgetRatio: 0 };
  const bench = setUp({ store: storeThatWritesTwice(), retry }, () => {
    refusals -= 1;
    return refusals < 0 ? { status: 'applied' } : { status: 'retry', afterMs: 100 };
  });
  await bench.outbox.start();
  await bench.outbox.enqueue(insert('1'));
  await bench.clock.advance(10_000);

  // Ten tokens are saved up: six retries need no more.
  expect(bench.outbox.snapshot()).toMatchObject({ applied: 1, retries: 6, held: 0 });
  await bench.outbox.close();
});
