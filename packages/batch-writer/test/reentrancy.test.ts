import { expect, test } from 'vitest';
import type { BatchWriter } from '@holdfast/batch-writer';
import { createFakePool } from './fake-pool.ts';
import { expectAccounted, writeNow } from './oracle.ts';
import { reading, setUp, type Reading } from './set-up.ts';

/** A row that calls the writer while it is being read. */
const calling = (call: () => unknown): Reading => ({
  id: 2,
  get value() {
    call();
    return 2;
  },
});

test.each<[string, (writer: BatchWriter<Reading>) => unknown]>([
  ['flushes', (writer) => writer.flush()],
  ['closes', (writer) => writer.close()],
  ['writes', (writer) => writer.write(reading(3))],
])('a row whose getter %s is refused, and the rows around it arrive whole', async (_name, call) => {
  const pool = createFakePool();
  const { writer } = setUp(pool);

  writeNow(writer, reading(1));
  expect(() => writer.write(calling(() => call(writer)))).toThrow('being read');
  const last = writer.write(reading(4));
  const isTaken = last === true;
  if (last !== true) await expect(last).rejects.toMatchObject({ code: 'WRITER_CLOSED' });
  const report = await writer.close();

  expect(pool.calls.flatMap(({ values }) => values)).toEqual(
    isTaken ? expect.arrayContaining([expect.arrayContaining(['4'])]) : [['1'], ['1']],
  );
  expect(report).toMatchObject({ accepted: isTaken ? 2 : 1, stored: isTaken ? 2 : 1 });
  expectAccounted(report);
});

test('a row that closes the writer before it is taken is refused, not lost', async () => {
  const { writer } = setUp(createFakePool());

  expect(() => writer.write(calling(() => writer.close()))).toThrow('being read');
  expect(await writer.close()).toMatchObject({ accepted: 0 });
});

test('a schema that closes the writer: the row is refused, not lost', async () => {
  const { writer } = setUp(createFakePool(), {
    validate: {
      '~standard': {
        version: 1,
        validate: (value) => {
          void writer.close();
          return { value: value as Reading };
        },
      },
    },
  });

  await expect(writer.write(reading(1))).rejects.toMatchObject({ code: 'WRITER_CLOSED' });
  expect(await writer.close()).toMatchObject({ accepted: 0 });
});
