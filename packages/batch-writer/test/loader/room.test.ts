import { isTorture, recordTorture } from '@holdfast/testkit';
import { expect, test } from 'vitest';
import { createBatchLoader } from '../../src/loader/create-batch-loader.ts';
import { loadNumbers, setUp } from './set-up.ts';

test('the least recently used value goes, by use and not by age', async () => {
  const { clock, loader } = setUp({ maxEntries: 3, load: loadNumbers });
  loader.prime('1', 1);
  loader.prime('2', 2);
  loader.prime('3', 3);

  loader.peek('1');
  await loader.get('2');
  loader.prime('4', 4);
  await clock.advance(0);

  expect(['1', '2', '3', '4'].map((key) => loader.peek(key))).toEqual([1, 2, null, 4]);
  expect(loader.snapshot()).toMatchObject({ entries: 3, evictions: 1 });
});

test('what is used all the time stays in a large cache, whatever passes through it', () => {
  const { loader } = setUp({ maxEntries: 100 });
  loader.prime('hot', -1);

  for (let key = 0; key < 10_000; key++) {
    loader.prime(String(key), key);
    if (key % 10 === 0) expect(loader.peek('hot')).toBe(-1);
  }

  expect(loader.snapshot()).toMatchObject({ entries: 100, evictions: 9901 });
});

test('a flood of unknown keys evicts no more than the share of absent keys', async () => {
  const { clock, loader } = setUp({ maxEntries: 100, maxNegativeShare: 0.2, load: loadNumbers });
  for (let key = 0; key < 100; key++) loader.prime(String(key), key);

  for (let round = 0; round < 20; round++) {
    await clock.advance(1);
    const flood = loader.getMany(Array.from({ length: 100 }, (_, key) => `x${round}.${key}`));
    await clock.advance(1);
    await flood;
  }

  expect(loader.snapshot()).toMatchObject({ entries: 100, negativeEntries: 20 });
  const known = Array.from({ length: 100 }, (_, key) => loader.peek(String(key)));
  expect(known.filter((value) => value !== null)).toHaveLength(80);
});

test('absent keys that were not used for longer make room for values', async () => {
  const { clock, loader } = setUp({ maxEntries: 10, maxNegativeShare: 0.5, load: loadNumbers });
  const flood = loader.getMany(['a', 'b', 'c', 'd', 'e']);
  await clock.advance(1);
  await flood;
  await clock.advance(1);

  for (let key = 0; key < 10; key++) loader.prime(String(key), key);

  expect(loader.snapshot()).toMatchObject({ entries: 10, negativeEntries: 0 });
});

const KEYS = isTorture ? 1_000_000 : 300_000;

test(`${KEYS} distinct keys leave maxEntries entries, and a heap that does not grow`, async () => {
  await using loader = createBatchLoader<number, number>({
    load: async (keys) => keys.map((key) => (key % 3 === 0 ? undefined : key)),
    maxEntries: 2000,
    lingerMs: 0,
    negativeTtlMs: 60_000,
  });
  const round = async (from: number): Promise<number> => {
    for (let key = from; key < from + 100_000; key += 10_000) {
      await loader.getMany(Array.from({ length: 10_000 }, (_, index) => key + index));
    }
    expect(loader.snapshot()).toMatchObject({ entries: 2000, pendingKeys: 0 });
    return heapAfterCollection();
  };

  const startedMs = performance.now();
  const first = await round(0);
  let last = first;
  for (let from = 100_000; from < KEYS; from += 100_000) last = await round(from);

  const seconds = Math.round((performance.now() - startedMs) / 1000);
  const result = { grownBytes: last - first };
  recordTorture({ name: 'batch-loader-room', size: KEYS, seed: 0, result, seconds });
  expect(loader.snapshot()).toMatchObject({ misses: KEYS, entries: 2000 });
  // A leak of one entry a key would be 10 MB for each 100 000.
  expect(result.grownBytes).toBeLessThan(8 * 1024 ** 2);
});

async function heapAfterCollection(): Promise<number> {
  const { setFlagsFromString } = await import('node:v8');
  const { runInNewContext } = await import('node:vm');
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  return process.memoryUsage().heapUsed;
}
