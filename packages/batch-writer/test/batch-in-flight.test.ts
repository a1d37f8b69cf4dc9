import { expect, test } from 'vitest';
import { createFakePool, pgError } from './fake-pool.ts';
import { writeNow } from './oracle.ts';
import { reading, setUp } from './set-up.ts';

test('of equal keys in a batch the first is stored and the others are duplicates', async () => {
  const pool = createFakePool();
  const { writer } = setUp(pool);

  for (const value of [1, 2, 3]) writeNow(writer, reading(7, value));
  const report = await writer.close();

  expect(pool.calls[0]?.values).toEqual([['7'], ['1']]);
  expect(report).toMatchObject({ accepted: 3, stored: 1, duplicate: 2, superseded: 0 });
});

test('with newerThan the newest of equal keys is sent and the others are superseded', async () => {
  const pool = createFakePool();
  const { writer } = setUp(pool, { onConflict: { newerThan: 'value' } });

  for (const value of [1, 3, 2]) writeNow(writer, reading(7, value));
  const report = await writer.close();

  expect(pool.calls[0]?.values).toEqual([['7'], ['3']]);
  expect(report).toMatchObject({ accepted: 3, stored: 1, duplicate: 0, superseded: 2 });
});

test('when the database refuses a row, an equal key behind it gets its turn', async () => {
  const pool = createFakePool(({ values, ids }) => {
    if (values[1]!.includes('13')) throw pgError('23514', 'check failed', { constraint: 'no_13' });
    return ids.length;
  });
  const { writer } = setUp(pool);

  for (const value of [13, 5, 6]) writeNow(writer, reading(7, value));
  writeNow(writer, reading(8));
  const report = await writer.close();

  expect(report).toMatchObject({ accepted: 4, stored: 2, duplicate: 1, rejected: 1 });
  expect(pool.calls.at(-1)?.values[1]).not.toContain('13');
});

test('waits for onRejected before the rows count, and calls it again when it fails', async () => {
  const pool = createFakePool(() => {
    throw pgError('23502', 'null value', { column: 'value' });
  });
  const delivered: number[][] = [];
  const { clock, writer } = setUp(pool, {
    onRejected: async (rows) => {
      delivered.push(rows.map(({ row }) => Number(row.id)));
      expect(writer.snapshot().rejected).toBe(0);
      if (delivered.length === 1) throw new Error('the dead letter table is away');
    },
  });
  const events: unknown[] = [];
  writer.on('rejected', ({ rows }) => events.push(...rows));

  writeNow(writer, reading(1));
  writeNow(writer, reading(2));
  await clock.advance(20);
  expect(writer.snapshot()).toMatchObject({ rejected: 0, bufferedRows: 2 });
  await clock.advance(100);

  expect(delivered).toEqual([
    [1, 2],
    [1, 2],
  ]);
  expect(events[0]).toEqual({
    row: reading(1),
    reason: 'null value',
    sqlstate: '23502',
    column: 'value',
    constraint: undefined,
    mayBeStored: false,
  });
  expect(writer.snapshot()).toMatchObject({ rejected: 2, bufferedRows: 0 });
});

test('divides a batch until the bad rows are alone: at most 2 log2(n) + 1 statements for one', async () => {
  const pool = createFakePool(({ ids }) => {
    if (ids.includes('700')) throw pgError('22003');
    return ids.length;
  });
  const { writer } = setUp(pool, { batch: { maxRows: 1024 } });

  for (let id = 0; id < 1024; id++) writeNow(writer, reading(id));
  const report = await writer.close();

  expect(report).toMatchObject({ stored: 1023, rejected: 1 });
  expect(pool.calls.length).toBeLessThanOrEqual(21);
});
