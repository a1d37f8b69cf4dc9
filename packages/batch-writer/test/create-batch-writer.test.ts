import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';
import { connectionLost, createFakePool, pgError } from './fake-pool.ts';
import { expectAccounted, expectConsistent, writeNow } from './oracle.ts';
import { reading, setUp, type Reading } from './set-up.ts';

test('close of a halted writer returns the rows that it keeps', async () => {
  const pool = createFakePool(() => {
    throw pgError('28P01');
  });
  const { clock, writer } = setUp(pool);
  const row = reading(1);

  writeNow(writer, row);
  await expect(writer.flush()).rejects.toMatchObject({ code: 'WRITER_HALTED' });
  const report = await writer.close();

  expect(report.returned).toEqual([row]);
  expectAccounted(report);
  expect(clock.pending()).toBe(0);
});

test('close returns what it could not settle in time, the statement in flight included', async () => {
  const never = new Promise<number>(() => undefined);
  const pool = createFakePool(() => never);
  const { clock, writer } = setUp(pool, { batch: { maxRows: 2 } });

  for (let id = 0; id < 5; id++) writeNow(writer, reading(id));
  const closed = writer.close({ timeoutMs: 500 });
  expect(writer.close()).toBe(closed);
  await clock.advance(500);
  const report = await closed;

  expect(report.returned.map(({ id }) => id).sort()).toEqual([0, 1, 2, 3, 4]);
  expectAccounted(report);
  expect(pool.releases).toEqual([true]);
  expect(clock.pending()).toBe(0);
  expect(writer.snapshot()).toMatchObject({ state: 'closed', returned: 5, bufferedRows: 0 });
  await expect(writer.flush()).rejects.toMatchObject({ code: 'WRITER_CLOSED' });
  await expect(writer.write(reading(9))).rejects.toMatchObject({ code: 'WRITER_CLOSED' });
});

test('close during a retry pause ends the pause when its time is over', async () => {
  const pool = createFakePool(() => {
    throw connectionLost();
  });
  const { clock, writer } = setUp(pool, { retry: { baseMs: 60_000, capMs: 60_000 } });

  writeNow(writer, reading(1));
  await clock.advance(20);
  const closed = writer.close({ timeoutMs: 100 });
  await clock.advance(100);

  expect((await closed).returned).toHaveLength(1);
  expect(clock.pending()).toBe(0);
});

test('a row that does not fit its columns is thrown back with the column and is not accepted', async () => {
  const pool = createFakePool();
  const { writer } = setUp(pool);

  expect(() => writer.write(reading(1.5))).toThrow(
    'column "id": must be a safe integer, a bigint or a string of digits, got 1.5',
  );
  expect(() => writer.write({ value: 1 } as unknown as Reading)).toThrow(
    'column "id": a column of the key must not be null',
  );
  expect(() => writer.write(reading(2 ** 31))).toThrow('2147483648 does not fit into 32 bits');
  expect(writer.snapshot()).toMatchObject({ accepted: 0, bufferedRows: 0, bufferedBytes: 0 });
  expect(await writer.close()).toMatchObject({ accepted: 0 });
});

test('a listener that throws changes nothing', async () => {
  const { writer } = setUp(createFakePool());
  const warnings: string[] = [];
  const onWarning = (warning: Error): void => void warnings.push(warning.name);
  process.on('warning', onWarning);
  writer.on('flushed', () => {
    throw new Error('bad listener');
  });

  writeNow(writer, reading(1));
  const report = await writer.close();
  await new Promise((resolve) => setImmediate(resolve));
  process.off('warning', onWarning);

  expect(report).toMatchObject({ stored: 1 });
  expect(warnings).toEqual(['HoldfastListenerWarning']);
});

test('a listener to an event that there is none of is refused, with those that there are', () => {
  const { writer } = setUp(createFakePool());
  const on = writer.on.bind(writer) as (event: string, listener: () => void) => void;

  expect(() => on('error', () => undefined)).toThrow(
    new TypeError(
      'event must be one of flushed, retry, rejected, halted, resumed, spoolFailed, got "error"',
    ),
  );
});

test('await using closes the writer', async () => {
  const pool = createFakePool();
  const { writer } = setUp(pool);

  writeNow(writer, reading(1));
  await writer[Symbol.asyncDispose]();

  expectConsistent(writer.snapshot());
  expect(writer.snapshot()).toMatchObject({ state: 'closed', stored: 1 });
});

test('snapshot tells the age of the oldest row that is not settled', async () => {
  const { clock, writer } = setUp(createFakePool(() => new Promise(() => undefined)));

  expect(writer.snapshot().oldestRowMs).toBe(0);
  writeNow(writer, reading(1));
  await clock.advance(70);

  expect(writer.snapshot().oldestRowMs).toBe(70);
  const closed = writer.close({ timeoutMs: 0 });
  await clock.advance(0);
  await closed;
});

test('a guard may write while it runs an attempt, as a listener of a circuit breaker may', async () => {
  const pool = createFakePool();
  let isNested = false;
  const { writer } = setUp(pool, {
    guard: {
      execute: (fn, options) => {
        if (!isNested) {
          isNested = true;
          writeNow(writer, reading(2));
        }
        return fn({ signal: options?.signal ?? new AbortController().signal });
      },
    },
  });

  writeNow(writer, reading(1));
  await writer.flush();
  const report = await writer.close();

  expect(report).toMatchObject({ accepted: 2, stored: 2, duplicate: 0, returned: [] });
  expectAccounted(report);
  expectConsistent(writer.snapshot());
});

test('disposal hands back the rows that nobody else has', async () => {
  const pool = createFakePool(() => {
    throw pgError('42P01');
  });
  const { writer } = setUp(pool);
  const row = reading(1);
  writeNow(writer, row);
  await expect(writer.flush()).rejects.toMatchObject({ code: 'WRITER_HALTED' });

  await expect(writer[Symbol.asyncDispose]()).rejects.toMatchObject({
    code: 'ROWS_RETURNED',
    rows: [row],
  });
});

test('no row lingers while others wait for its place', async () => {
  const pool = createFakePool();
  const { clock, writer } = setUp(pool, { buffer: { maxRows: 10 }, batch: { lingerMs: 1_000 } });

  const taken = Array.from({ length: 60 }, (_, id) => writer.write(reading(id)));
  // No time passes: whoever waits is let in by what is sent, not by the linger.
  await clock.advance(0);
  const admitted = taken.filter((result) => result === true).length;
  for (const result of taken.slice(0, 51)) await result;

  expect(admitted).toBe(10);
  expect(writer.snapshot()).toMatchObject({ waiters: 0 });
  await writer.close();
});

test('a signal that outlives many waits keeps no listener of them', async () => {
  let isHeld = false;
  const pool = createFakePool(({ ids }) =>
    isHeld ? new Promise<number>(() => undefined) : ids.length,
  );
  const { writer } = setUp(pool, { buffer: { maxRows: 2 } });
  const lasting = new AbortController();
  const { signal } = lasting;

  const taken = Array.from({ length: 20 }, (_, id) => writer.write(reading(id), { signal }));
  expect(writer.snapshot().waiters).toBe(18);
  // Node.js takes more than ten for a leak of the program's, and says so.
  expect(getEventListeners(signal, 'abort')).toHaveLength(1);
  for (const result of taken) await result;
  await writer.flush({ signal });
  const aborted = new AbortController();
  isHeld = true;
  writeNow(writer, reading(100));
  const flushing = writer.flush({ signal: aborted.signal });
  aborted.abort('enough');

  await expect(flushing).rejects.toBe('enough');
  expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  expect(getEventListeners(aborted.signal, 'abort')).toHaveLength(0);
});
