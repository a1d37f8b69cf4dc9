import { createQueue, memoryStore } from '@holdfast/sync-queue';
import { expect, test } from 'vitest';
import { setUp } from './set-up.ts';

const limits = { maxCount: 100, maxBytes: 10_000 };

test('folds each added value into the held one', async () => {
  const { queue, clock } = setUp();
  const add = (value: string): Promise<unknown> =>
    queue.add(value, {
      coalesce: { key: 'c', mode: 'fold', fold: (held, added) => `${held}+${added}` },
    });
  expect(await add('1')).toMatchObject({ status: 'accepted' });
  expect(await add('2')).toMatchObject({ status: 'coalesced' });
  await add('3');
  const seen: string[] = [];
  queue.consume((batch) => Promise.resolve(void seen.push(...batch.map(({ value }) => value))));
  await clock.advance(1);

  expect(seen).toEqual(['1+2+3']);
  expect(queue.snapshot()).toMatchObject({ accepted: 1, coalesced: 2 });
  await queue.close();
});

test('loses none of many that fold at the same time, also from several queue objects', async () => {
  const store = memoryStore();
  const queues = Array.from({ length: 4 }, () =>
    createQueue<number>({ name: 'q', store, limits, overflow: 'reject' }),
  );
  const coalesce = { key: 'sum', mode: 'fold', fold: (a: number, b: number) => a + b } as const;
  await Promise.all(
    Array.from({ length: 100 }, (_, index) => queues[index % 4]!.add(1, { coalesce })),
  );

  const sums: number[] = [];
  const consumer = queues[0]!.consume((batch) =>
    Promise.resolve(void sums.push(...batch.map(({ value }) => value))),
  );
  while ((await queues[0]!.stats()).count > 0) await new Promise((done) => setImmediate(done));
  await consumer.close();

  expect(sums).toEqual([100]);
  await Promise.all(queues.map((queue) => queue.close()));
});

test('says that the bytes are in the way of what a value is folded into', async () => {
  const { queue } = setUp({ limits: { maxCount: 100, maxBytes: 11 } });
  const coalesce = { key: 'c', mode: 'fold', fold: (held: string) => `${held}345` } as const;
  await queue.add('12', { coalesce });
  await queue.add('abc');

  await expect(queue.add('', { coalesce })).rejects.toMatchObject({
    code: 'QUEUE_FULL',
    limit: 'maxBytes',
    message: 'queue q has no room: it holds 9 of 11 bytes, and the item would grow to 7',
  });
  await queue.close();
});

test('says that the bytes are in the way of what takes the place of a held one, however many items there are', async () => {
  const { queue } = setUp({ limits: { maxCount: 2, maxBytes: 10 } });
  const coalesce = { key: 'c', mode: 'replace' } as const;
  await queue.add('12', { coalesce });
  await queue.add('a');

  await expect(queue.add('1234567', { coalesce })).rejects.toMatchObject({
    code: 'QUEUE_FULL',
    limit: 'maxBytes',
    message: 'queue q has no room: it holds 7 of 10 bytes, and the item would grow to 9',
  });
  await queue.close();
});

test('starts anew when the held one is claimed meanwhile', async () => {
  const { queue, store, clock } = setUp();
  const coalesce = {
    key: 'c',
    mode: 'fold',
    fold: (held: string, added: string) => `${held}+${added}`,
  } as const;
  await queue.add('1', { coalesce });
  let calls = 0;
  const seen: string[] = [];
  store.hook = async (call) => {
    if (call !== 'enqueue' || (calls += 1) !== 2) return;
    // Between the question what is held and the answer what it became.
    const consumer = queue.consume((batch) =>
      Promise.resolve(void seen.push(...batch.map(({ value }) => value))),
    );
    while (seen.length === 0) await Promise.resolve();
    await consumer.close();
  };

  expect(await queue.add('2', { coalesce })).toMatchObject({ status: 'accepted' });
  store.hook = undefined;
  queue.consume((batch) => Promise.resolve(void seen.push(...batch.map(({ value }) => value))));
  await clock.advance(1);
  expect(seen).toEqual(['1', '2']);
  await queue.close();
});

test('what the function throws rejects the add, and the held one stays as it is', async () => {
  const { queue } = setUp();
  const coalesce = {
    key: 'c',
    mode: 'fold',
    fold: () => {
      throw new Error('cannot fold');
    },
  } as const;
  await queue.add('1', { coalesce });

  await expect(queue.add('2', { coalesce })).rejects.toThrow('cannot fold');
  expect(await queue.stats()).toMatchObject({ count: 1, bytes: 3 });
  await queue.close();
});
