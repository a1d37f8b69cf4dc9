import { createBatchWriter } from '@holdfast/batch-writer';
import { createGate } from '@holdfast/testkit';
import { expect, test } from 'vitest';
import { createFakePool } from './fake-pool.ts';
import { writeNow } from './oracle.ts';
import { reading, setUp } from './set-up.ts';

test('waits for room in order of the calls and lets an aborted write go without its row', async () => {
  const gate = createGate();
  const pool = createFakePool(async ({ ids }) => {
    await gate.pass();
    return ids.length;
  });
  const { clock, writer } = setUp(pool, { batch: { maxRows: 2 }, buffer: { maxRows: 2 } });
  const controller = new AbortController();
  const order: number[] = [];

  writeNow(writer, reading(1));
  writeNow(writer, reading(2));
  const waits = [3, 4, 5].map(async (id) => {
    const options = id === 4 ? { signal: controller.signal } : {};
    await writer.write(reading(id), options);
    order.push(id);
  });
  expect(writer.snapshot()).toMatchObject({ bufferedRows: 2, waiters: 3 });
  controller.abort(new Error('gone'));
  await expect(waits[1]).rejects.toThrow('gone');
  gate.open();
  await clock.advance(20);
  await Promise.all([waits[0], waits[2]]);

  expect(order).toEqual([3, 5]);
  const report = await writer.close();
  expect(report).toMatchObject({ accepted: 4, stored: 4 });
});

test('with whenFull reject a row without room is refused at once', async () => {
  const pool = createFakePool(() => new Promise(() => undefined));
  const { clock, writer } = setUp(pool, { buffer: { maxRows: 1, whenFull: 'reject' } });

  writeNow(writer, reading(1));
  await expect(writer.write(reading(2))).rejects.toMatchObject({ code: 'BUFFER_FULL', rows: 1 });

  const closed = writer.close({ timeoutMs: 0 });
  await clock.advance(0);
  expect(await closed).toMatchObject({ accepted: 1 });
});

test('bounds the waiting writes and the bytes', async () => {
  const gate = createGate();
  const pool = createFakePool(async ({ ids }) => {
    await gate.pass();
    return ids.length;
  });
  const { clock, writer } = setUp(pool, { buffer: { maxBytes: 1024, maxWaiters: 1 } });
  let taken = 0;
  while (writer.snapshot().waiters === 0) {
    const entered = writer.write(reading(taken++));
    if (entered !== true) void entered.catch(() => undefined);
  }

  expect(writer.snapshot().bufferedBytes).toBeLessThanOrEqual(1024);
  expect(writer.snapshot().bufferedRows).toBe(taken - 1);
  await expect(writer.write(reading(99))).rejects.toMatchObject({ code: 'BUFFER_FULL' });
  gate.open();
  await clock.advance(20);
  expect(await writer.close()).toMatchObject({ accepted: taken, stored: taken });
});

test('a row that is larger than the whole buffer is thrown back', async () => {
  const writer = createBatchWriter<{ id: string }>({
    pool: createFakePool(),
    table: 'notes',
    columns: { id: 'text' },
    key: ['id'],
    buffer: { maxBytes: 1024 },
  });

  expect(() => writer.write({ id: 'x'.repeat(2000) })).toThrow(
    'a row of 2006 bytes is larger than buffer.maxBytes (1024)',
  );
  await writer.close();
});
