import { createGate } from '@holdfast/testkit';
import { expect, test } from 'vitest';
import { connectionLost, createFakePool, pgError, type FakePool } from './fake-pool.ts';
import { writeNow } from './oracle.ts';
import { reading, setUp } from './set-up.ts';

test('gives a healthy connection back after the server has refused a row', async () => {
  const pool = createFakePool(() => {
    throw pgError('22003');
  });
  const { writer } = setUp(pool);

  writeNow(writer, reading(1));
  await writer.flush();

  expect(pool.releases).toEqual([false]);
  expect(pool.listeners()).toBe(0);
});

test('a statement without an answer fails at flushTimeoutMs and its connection is destroyed', async () => {
  const never = new Promise<number>(() => undefined);
  const pool = createFakePool(({ ids }, number) => (number === 1 ? never : ids.length));
  const { clock, writer } = setUp(pool, { flushTimeoutMs: 5000, retry: { baseMs: 10 } });
  const errors: unknown[] = [];
  writer.on('retry', ({ error }) => errors.push(error));

  writeNow(writer, reading(1));
  await clock.advance(20 + 5000 + 10);

  expect(errors).toEqual([expect.objectContaining({ code: 'FLUSH_TIMEOUT', timeoutMs: 5000 })]);
  expect(pool.releases).toEqual([true, false]);
  expect(writer.snapshot()).toMatchObject({ stored: 1 });
  await writer.close();
  expect(clock.pending()).toBe(0);
});

test('gives a connection that comes after the timeout straight back', async () => {
  const fake = createFakePool();
  const gate = createGate();
  const connect = async (): ReturnType<FakePool['connect']> => {
    await gate.pass();
    return fake.connect();
  };
  const { clock, writer } = setUp({ ...fake, connect }, { flushTimeoutMs: 1000 });

  writeNow(writer, reading(1));
  await clock.advance(1020);
  expect(writer.snapshot()).toMatchObject({ retries: 1 });
  gate.open();
  await clock.advance(0);

  expect(fake.inFlight()).toBe(0);
  expect(fake.calls).toHaveLength(0);
  await clock.advance(100);
  expect(await writer.close()).toMatchObject({ stored: 1 });
});

test('an error event of a connection fails the attempt, which is repeated', async () => {
  const never = new Promise<number>(() => undefined);
  const pool = createFakePool(({ ids }, number) => (number === 1 ? never : ids.length));
  const { clock, writer } = setUp(pool);

  writeNow(writer, reading(1));
  await clock.advance(20);
  expect(pool.listeners()).toBe(1);
  pool.breakAll(connectionLost());
  await clock.advance(100);

  expect(writer.snapshot()).toMatchObject({ stored: 1, retries: 1 });
});
