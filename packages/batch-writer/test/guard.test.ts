import type { Guard } from '@holdfast/batch-writer';
import { expect, test } from 'vitest';
import { connectionLost, createFakePool } from './fake-pool.ts';
import { expectAccounted, writeNow } from './oracle.ts';
import { reading, setUp } from './set-up.ts';

test('a guard that fails although its attempt has stored the rows does not have them stored twice', async () => {
  const guard: Guard = {
    async execute(run, options) {
      await run({ signal: options?.signal ?? new AbortController().signal });
      throw new Error('too slow');
    },
  };
  const pool = createFakePool();
  const { writer } = setUp(pool, { guard, key: undefined });
  writeNow(writer, reading(1));
  const report = await writer.close();

  expect(pool.calls).toHaveLength(1);
  expect(report).toMatchObject({ accepted: 1, stored: 1 });
  expectAccounted(report);
});

test('a guard that gives up on an attempt without ending it: the next one begins when that has ended', async () => {
  const guard: Guard = {
    async execute(run, options) {
      void run({ signal: options?.signal ?? new AbortController().signal }).catch(() => undefined);
      throw new Error('timed out');
    },
  };
  const pool = createFakePool(async ({ ids }) => {
    expect(pool.inFlight()).toBe(1);
    await new Promise((resolve) => setImmediate(resolve));
    return ids.length;
  });
  const { writer } = setUp(pool, { guard });
  writeNow(writer, reading(1));
  const report = await writer.close();

  expect(pool.maxInFlight()).toBe(1);
  expect(pool.calls).toHaveLength(1);
  expect(report).toMatchObject({ accepted: 1, stored: 1, returned: [] });
});

test.each<[string, Guard['execute']]>([
  ['never runs it', async () => undefined as never],
  [
    'gives something else for its failure',
    async (run, options) =>
      run({ signal: options?.signal ?? new AbortController().signal }).catch(
        () => undefined as never,
      ),
  ],
])('a guard that resolves although the attempt stored nothing: %s', async (_name, execute) => {
  let isTrouble = true;
  const guard: Guard = {
    execute: (run, options) =>
      isTrouble ? execute(run, options) : run({ signal: new AbortController().signal }),
  };
  const pool = createFakePool(({ ids }) => {
    if (isTrouble) throw connectionLost();
    return ids.length;
  });
  const { clock, writer } = setUp(pool, { guard, retry: { baseMs: 10, capMs: 10 } });
  const retried = new Promise((resolve) => writer.on('retry', resolve));
  writeNow(writer, reading(1));
  const flushed = writer.flush();
  await retried;
  isTrouble = false;
  await clock.advance(10);
  await flushed;
  const report = await writer.close();

  expect(report).toMatchObject({ accepted: 1, stored: 1 });
  expectAccounted(report);
});
