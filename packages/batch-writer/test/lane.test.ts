import { createGate } from '@holdfast/testkit';
import { expect, test } from 'vitest';
import { createFakePool } from './fake-pool.ts';
import { expectAccounted, writeNow } from './oracle.ts';
import { reading, setUp } from './set-up.ts';

test('sends a batch when the oldest row has waited lingerMs', async () => {
  const pool = createFakePool();
  const { clock, writer } = setUp(pool, { batch: { lingerMs: 20 } });

  expect(writer.write(reading(1))).toBe(true);
  await clock.advance(15);
  writeNow(writer, reading(2));
  expect(pool.calls).toHaveLength(0);
  await clock.advance(5);

  expect(pool.calls.map(({ ids }) => ids)).toEqual([['1', '2']]);
  expect(writer.snapshot()).toMatchObject({ accepted: 2, stored: 2, bufferedRows: 0, flushes: 1 });
});

test('sends a batch at once when maxRows rows wait', async () => {
  const pool = createFakePool();
  const { clock, writer } = setUp(pool, { batch: { maxRows: 2, lingerMs: 1000 } });

  for (let id = 1; id <= 5; id++) writeNow(writer, reading(id));
  await clock.advance(0);

  expect(pool.calls.map(({ ids }) => ids)).toEqual([
    ['1', '2'],
    ['3', '4'],
  ]);
  expect(writer.snapshot().bufferedRows).toBe(1);
});

test('takes the values when write is called, not when the batch is sent', async () => {
  const pool = createFakePool();
  const { clock, writer } = setUp(pool);
  const row = { id: 1, value: 5 };

  writeNow(writer, row);
  row.value = 6;
  await clock.advance(20);

  expect(pool.calls[0]?.values).toEqual([['1'], ['5']]);
});

test('keeps one key on one lane and never has two statements of a lane in flight', async () => {
  const gate = createGate();
  const lanesOfKey = new Map<string, Set<number>>();
  const pool = createFakePool(async ({ ids }) => {
    await gate.pass();
    return ids.length;
  });
  const { clock, writer } = setUp(pool, { lanes: 4, batch: { maxRows: 10 } });
  writer.on('flushed', ({ lane, rows }) => {
    expect(rows).toBeGreaterThan(0);
    lanesOfKey.set(String(lane), new Set());
  });

  for (let round = 0; round < 5; round++) {
    for (let id = 0; id < 100; id++) writeNow(writer, reading(id, round));
  }
  await clock.advance(20);
  expect(pool.maxInFlight()).toBe(4);
  const firstIds = pool.calls.map(({ ids }) => ids).flat();
  expect(new Set(firstIds).size).toBe(firstIds.length);
  gate.open();
  const report = await writer.close();

  expect(pool.maxInFlight()).toBe(4);
  expect(lanesOfKey.size).toBe(4);
  expectAccounted(report);
});

test('flush sends without lingering and resolves when the rows accepted before it are settled', async () => {
  const gate = createGate();
  const pool = createFakePool(async ({ ids }) => {
    await gate.pass();
    return ids.length;
  });
  const { clock, writer } = setUp(pool, { batch: { lingerMs: 60_000 } });
  let isFlushed = false;

  writeNow(writer, reading(1));
  const flushed = writer.flush().then(() => (isFlushed = true));
  await gate.arrived();
  writeNow(writer, reading(2));
  await clock.advance(0);
  expect(isFlushed).toBe(false);
  gate.open();
  await flushed;

  expect(pool.calls.map(({ ids }) => ids)).toEqual([['1']]);
  expect(writer.snapshot()).toMatchObject({ stored: 1, bufferedRows: 1 });
  await writer.close();
  expect(clock.pending()).toBe(0);
});

test('flush gives up with the reason of its signal and the rows stay', async () => {
  const gate = createGate();
  const pool = createFakePool(async ({ ids }) => {
    await gate.pass();
    return ids.length;
  });
  const { writer } = setUp(pool);
  const controller = new AbortController();

  writeNow(writer, reading(1));
  const flushed = writer.flush({ signal: controller.signal });
  const reason = new Error('no longer needed');
  controller.abort(reason);

  await expect(flushed).rejects.toBe(reason);
  gate.open();
  expect(await writer.close()).toMatchObject({ accepted: 1, stored: 1 });
});

test('does not linger while somebody waits for room', async () => {
  const pool = createFakePool();
  const { clock, writer } = setUp(pool, { batch: { lingerMs: 60_000 }, buffer: { maxRows: 1 } });

  writeNow(writer, reading(1));
  const waited = writer.write(reading(2));
  await clock.advance(0);
  await waited;

  expect(pool.calls).toHaveLength(1);
  await writer.close();
});
