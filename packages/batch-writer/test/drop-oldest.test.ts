import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createGate } from '@holdfast/testkit';
import { createFakePool } from './fake-pool.ts';
import { expectAccounted, expectConsistent, writeNow } from './oracle.ts';
import { reading, setUp } from './set-up.ts';

test('what a paused writer drops goes to the dead letter at once, and is held by nobody after', async () => {
  const dropped: number[] = [];
  const { writer } = setUp(createFakePool(), {
    batch: { maxRows: 5 },
    buffer: { maxRows: 10, whenFull: 'drop-oldest' },
    onRejected: (rows) => void dropped.push(...rows.map(({ row }) => Number(row.id))),
  });

  writer.pause();
  for (let id = 0; id < 30; id++) {
    expect(writer.write(reading(id))).toBe(true);
    expectConsistent(writer.snapshot());
    await turn();
    expectConsistent(writer.snapshot());
  }

  expect(dropped).toEqual(Array.from({ length: 20 }, (_, id) => id));
  expect(writer.snapshot()).toMatchObject({ rejected: 20, bufferedRows: 10 });
  const report = await writer.close();
  expect(report).toMatchObject({ accepted: 30, rejected: 20, stored: 10, returned: [] });
  expectAccounted(report);
});

test('a batch that is dropped does not end a flush that waits for one in front of it', async () => {
  const answer = createGate();
  const sink = createGate();
  const pool = createFakePool(async ({ ids }) => {
    await answer.pass();
    return ids.length;
  });
  const { clock, writer } = setUp(pool, {
    batch: { maxRows: 1 },
    buffer: { maxRows: 2, whenFull: 'drop-oldest' },
    onRejected: () => sink.pass(),
  });
  const done: string[] = [];

  writeNow(writer, reading(1));
  const first = writer.flush().then(() => done.push('first'));
  await clock.advance(0);
  writeNow(writer, reading(2));
  const second = writer.flush().then(() => done.push('second'));
  writeNow(writer, reading(3));
  await clock.advance(0);
  expect(done).toEqual([]);
  answer.open();
  await clock.advance(0);
  await first;
  // The row that was dropped is not in the dead letter yet.
  expect(done).toEqual(['first']);
  sink.open();
  await second;

  expect(await writer.close()).toMatchObject({ accepted: 3, stored: 2, rejected: 1 });
});

test('a flush whose row is dropped, and given back by close() in the end, is told that it was not written', async () => {
  const { clock, writer } = setUp(createFakePool(), {
    batch: { maxRows: 1 },
    buffer: { maxRows: 1, whenFull: 'drop-oldest' },
    onRejected: () => Promise.reject(new Error('the dead letter is away')),
  });
  writer.pause();
  writeNow(writer, reading(1));
  const flushed = expect(writer.flush()).rejects.toMatchObject({ code: 'WRITER_CLOSED' });
  writeNow(writer, reading(2));
  await clock.advance(0);

  const closed = writer.close({ timeoutMs: 0 });
  await clock.advance(1);
  const report = await closed;
  await flushed;
  expect(report).toMatchObject({ accepted: 2, rejected: 0 });
  expect(report.returned).toContainEqual(expect.objectContaining({ id: 1 }));
  expectAccounted(report);
});
