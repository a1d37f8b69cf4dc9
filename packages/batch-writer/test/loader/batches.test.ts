import { expect, test, vi } from 'vitest';
import { loadNumbers, outcomeOf, setUp } from './set-up.ts';

test('10 000 concurrent gets of one key are one load', async () => {
  const { clock, loader, calls } = setUp();

  const gets = Array.from({ length: 10_000 }, (_, index) =>
    loader.get('7', index % 2 === 0 ? {} : { signal: new AbortController().signal }),
  );
  await clock.advance(1);
  calls[0]!.answer(7);

  expect(new Set(await Promise.all(gets))).toEqual(new Set([7]));
  expect(calls.map(({ keys }) => keys)).toEqual([['7']]);
  expect(loader.snapshot()).toMatchObject({ misses: 10_000, joined: 9_999, loads: 1 });
});

test('a load starts when its first key has lingered, and not before', async () => {
  const { clock, loader, calls } = setUp({ lingerMs: 5 });

  void loader.get('1');
  await clock.advance(3);
  void loader.get('2');
  await clock.advance(1);
  expect(calls).toHaveLength(0);
  await clock.advance(1);

  expect(calls.map(({ keys }) => keys)).toEqual([['1', '2']]);
  expect(clock.pending()).toBe(1);
});

test('a full load starts at once, the rest lingers', async () => {
  const { clock, loader, calls } = setUp({ maxBatch: 2, lingerMs: 5 });

  void loader.getMany(['1', '2', '3']);
  await clock.advance(0);
  expect(calls.map(({ keys }) => keys)).toEqual([['1', '2']]);
  await clock.advance(5);

  expect(calls.map(({ keys }) => keys)).toEqual([['1', '2'], ['3']]);
});

test('at most `concurrency` loads run, and the next starts when one ends', async () => {
  const { clock, loader, calls } = setUp({ maxBatch: 1, concurrency: 2 });

  void loader.getMany(['1', '2', '3', '4']);
  await clock.advance(10);
  expect(calls.map(({ keys }) => keys)).toEqual([['1'], ['2']]);
  expect(loader.snapshot()).toMatchObject({ runningLoads: 2, pendingKeys: 2 });
  calls[1]!.answer(2);
  await clock.advance(0);

  expect(calls.map(({ keys }) => keys)).toEqual([['1'], ['2'], ['3']]);
});

test('keys that have lingered while all loads ran go together when one ends', async () => {
  const { clock, loader, calls } = setUp({ maxBatch: 10, concurrency: 1 });

  void loader.get('1');
  await clock.advance(1);
  void loader.get('2');
  await clock.advance(1);
  void loader.get('3');
  calls[0]!.answer(1);
  await clock.advance(0);

  expect(calls.map(({ keys }) => keys)).toEqual([['1'], ['2', '3']]);
});

test('get and getMany of known keys load nothing', async () => {
  const { clock, loader, calls } = setUp();
  const first = loader.getMany(['1', '2']);
  await clock.advance(1);
  calls[0]!.resolve([1, undefined]);
  await first;

  expect(await loader.get('1')).toBe(1);
  expect(await loader.get('2')).toBeUndefined();
  expect(await loader.getMany(['2', '1'])).toEqual(new Map([['1', 1]]));
  expect(loader.peek('1')).toBe(1);
  expect(loader.peek('2')).toBeUndefined();
  expect(loader.peek('3')).toBeNull();
  expect(calls).toHaveLength(1);
  expect(loader.snapshot()).toMatchObject({ hits: 3, negativeHits: 3, misses: 2, keysPerLoad: 2 });
});

test('getMany takes keys of many loads and of one that is on its way, in the order given', async () => {
  const { clock, loader, calls } = setUp({ maxBatch: 2 });
  void loader.get('2');
  await clock.advance(1);

  const many = loader.getMany(['3', '2', '3', 'x', '1']);
  await clock.advance(1);
  for (const call of calls) call.resolve(await loadNumbers(call.keys));
  await clock.advance(1);
  for (const call of calls) call.resolve(await loadNumbers(call.keys));

  expect([...(await many)]).toEqual([
    ['3', 3],
    ['2', 2],
    ['1', 1],
  ]);
  expect(calls.flatMap(({ keys }) => keys)).toEqual(['2', '3', 'x', '1']);
});

test('getMany of nothing resolves at once', async () => {
  expect(await setUp().loader.getMany([])).toEqual(new Map());
});

test('a key beyond maxPending is refused, and takes nothing from the others', async () => {
  const { clock, loader, calls } = setUp({ maxPending: 2 });
  const first = loader.get('1');

  const refused = { code: 'LOADER_OVERLOADED', maxPending: 2 };
  await expect(loader.getMany(['2', '3'])).rejects.toMatchObject(refused);
  expect(loader.snapshot()).toMatchObject({ pendingKeys: 1, refused: 1 });
  const joined = loader.get('1');
  await clock.advance(1);
  calls[0]!.answer(1);

  expect([await first, await joined]).toEqual([1, 1]);
  expect(calls[0]!.keys).toEqual(['1']);
});

test('1n, 1 and "1" are three keys; keyOf makes two of them one', async () => {
  const load = vi.fn(async (keys: readonly (bigint | string | number)[]) =>
    keys.map((key) => typeof key),
  );
  const { createBatchLoader } = await import('../../src/loader/create-batch-loader.ts');
  await using plain = createBatchLoader<bigint | string | number, string>({ load });

  const keys = [1n, '1', 1, 1n];
  expect(await plain.getMany(keys)).toEqual(
    new Map<bigint | string | number, string>([
      [1n, 'bigint'],
      ['1', 'string'],
      [1, 'number'],
    ]),
  );
  expect(plain.peek(BigInt(1))).toBe('bigint');
  await using merged = createBatchLoader<bigint | string | number, string>({ load, keyOf: String });
  expect([...(await merged.getMany(keys)).values()]).toEqual(['bigint', 'bigint', 'bigint']);
  expect(load.mock.calls.map(([asked]) => asked)).toEqual([[1n, '1', 1], [1n]]);
});

test('objects as keys need keyOf', async () => {
  const { createBatchLoader } = await import('../../src/loader/create-batch-loader.ts');
  interface Key {
    readonly id: number;
  }
  const load = async (keys: readonly Key[]): Promise<Map<Key, number>> =>
    new Map(keys.map(({ id }) => [{ id }, id]));
  await using plain = createBatchLoader<Key, number>({ load });
  await using keyed = createBatchLoader<Key, number>({ load, keyOf: ({ id }) => id });

  expect(await outcomeOf(plain.get({ id: 1 }))).toMatchObject({ code: 'KEY_INVALID' });
  expect(() => plain.peek({ id: 1 })).toThrow('unless keyOf is given');
  expect(await keyed.get({ id: 1 })).toBe(1);
  expect(keyed.peek({ id: 1 })).toBe(1);
});
