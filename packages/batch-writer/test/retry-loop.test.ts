import type { BatchWriterOptions } from '@holdfast/batch-writer';
import { createGate } from '@holdfast/testkit';
import { expect, test } from 'vitest';
import { connectionLost, createFakePool, pgError } from './fake-pool.ts';
import { writeNow } from './oracle.ts';
import { reading, setUp, type Reading } from './set-up.ts';

test('retries with growing delays on a new connection and tells about each', async () => {
  const pool = createFakePool(({ ids }, number) => {
    if (number <= 3) throw connectionLost();
    return ids.length;
  });
  const { clock, writer } = setUp(pool, { retry: { baseMs: 100, capMs: 300 } });
  const retries: [number, number][] = [];
  writer.on('retry', ({ attempt, delayMs }) => retries.push([attempt, delayMs]));

  writeNow(writer, reading(1));
  await clock.advance(20 + 100 + 200 + 299);
  expect(pool.calls).toHaveLength(3);
  await clock.advance(1);

  expect(retries).toEqual([
    [1, 100],
    [2, 200],
    [3, 300],
  ]);
  expect(pool.releases).toEqual([true, true, true, false]);
  expect(writer.snapshot()).toMatchObject({ stored: 1, retries: 3 });
});

test('halts when retry.maxElapsedMs has passed; flush rejects with RETRY_EXHAUSTED and the rows stay', async () => {
  let isDown = true;
  const pool = createFakePool(({ ids }) => {
    if (isDown) throw connectionLost();
    return ids.length;
  });
  const { clock, writer } = setUp(pool, { retry: { baseMs: 100, capMs: 100, maxElapsedMs: 250 } });

  writeNow(writer, reading(1));
  const flushed = writer.flush();
  const rejection = expect(flushed).rejects.toMatchObject({ code: 'RETRY_EXHAUSTED', attempts: 4 });
  await clock.advance(300);
  await rejection;
  expect(writer.snapshot()).toMatchObject({ state: 'halted', bufferedRows: 1 });
  await expect(writer.flush()).rejects.toMatchObject({
    code: 'WRITER_HALTED',
    cause: { code: 'RETRY_EXHAUSTED' },
  });
  isDown = false;
  writer.resume();
  await writer.flush();

  expect(writer.snapshot()).toMatchObject({ state: 'open', stored: 1, bufferedRows: 0 });
});

test('a failure that only a person can repair halts once, keeps the rows and goes on after resume', async () => {
  let isTableMissing = true;
  const pool = createFakePool(({ ids }) => {
    if (isTableMissing) throw pgError('42P01', 'relation "readings" does not exist');
    return ids.length;
  });
  const { clock, writer } = setUp(pool, { lanes: 2, buffer: { maxRows: 20 } });
  const told: string[] = [];
  writer.on('halted', () => told.push('halted'));
  writer.on('resumed', ({ bufferedRows }) => told.push(`resumed ${bufferedRows}`));

  for (let id = 0; id < 20; id++) expect(writer.write(reading(id))).toBe(true);
  const waiting = writer.write(reading(20));
  const rejection = expect(waiting).rejects.toMatchObject({ code: 'WRITER_HALTED' });
  await clock.advance(20);
  await rejection;
  await expect(writer.write(reading(21))).rejects.toThrow(
    'writing to "readings" is halted until resume(): relation "readings" does not exist',
  );
  await expect(writer.flush()).rejects.toMatchObject({ code: 'WRITER_HALTED' });
  expect(clock.pending()).toBe(0);

  isTableMissing = false;
  writer.resume();
  writer.resume();
  await writer.flush();
  expect(told).toEqual(['halted', 'resumed 20']);
  expect(writer.snapshot()).toMatchObject({ state: 'open', accepted: 20, stored: 20 });
});

test('a failure of an attempt from before the halt does not halt again', async () => {
  const slow = createGate();
  let isTableMissing = true;
  const pool = createFakePool(async ({ ids }, number) => {
    const wasMissing = isTableMissing;
    if (number === 2) await slow.pass();
    if (wasMissing) throw pgError('42P01');
    return ids.length;
  });
  const { clock, writer } = setUp(pool, { lanes: 2 });
  let halts = 0;
  writer.on('halted', () => (halts += 1));

  for (let id = 0; id < 20; id++) writeNow(writer, reading(id));
  await clock.advance(20);
  isTableMissing = false;
  writer.resume();
  const flushed = writer.flush();
  slow.open();
  await flushed;

  expect(halts).toBe(1);
  expect(writer.snapshot()).toMatchObject({ state: 'open', stored: 20 });
});

test('runs every attempt through the guard and retries what the guard refuses', async () => {
  const pool = createFakePool();
  let calls = 0;
  const guard: BatchWriterOptions<Reading>['guard'] = {
    execute(fn, options) {
      calls += 1;
      if (calls <= 2) {
        return Promise.reject(Object.assign(new Error('open'), { code: 'CIRCUIT_OPEN' }));
      }
      return fn({ signal: options!.signal! });
    },
  };
  const { clock, writer } = setUp(pool, { guard, retry: { baseMs: 10 } });

  writeNow(writer, reading(1));
  await clock.advance(20 + 10 + 20);

  expect(calls).toBe(3);
  expect(pool.calls).toHaveLength(1);
  expect(writer.snapshot()).toMatchObject({ stored: 1, retries: 2 });
});

test('close does not wait for a guard that ignores its signal', async () => {
  const guard: BatchWriterOptions<Reading>['guard'] = {
    execute: () => new Promise(() => undefined),
  };
  const { clock, writer } = setUp(createFakePool(), { guard });

  writeNow(writer, reading(1));
  const closed = writer.close({ timeoutMs: 50 });
  await clock.advance(50);

  expect((await closed).returned).toEqual([reading(1)]);
});
