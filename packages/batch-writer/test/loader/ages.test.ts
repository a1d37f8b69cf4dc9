import { expect, test } from 'vitest';
import { outcomeOf, setUp, type Bench } from './set-up.ts';

/** Gets a key whose load is answered with `answer`. */
async function load({ clock, loader, calls }: Bench, key: string, answer?: number): Promise<void> {
  const got = loader.get(key);
  await clock.advance(1);
  calls.at(-1)!.resolve([answer]);
  await got;
}

test('a value is fresh for ttlMs, counted from the start of its load', async () => {
  const bench = setUp({ ttlMs: 100 });
  const got = bench.loader.get('1');
  await bench.clock.advance(1);
  await bench.clock.advance(30);
  bench.calls[0]!.answer(1);
  await got;

  await bench.clock.advance(69);
  expect(bench.loader.peek('1')).toBe(1);
  await bench.clock.advance(1);
  expect(bench.loader.peek('1')).toBeNull();
});

test('an answer that is older than ttlMs is given and not stored', async () => {
  const bench = setUp({ ttlMs: 10 });
  const got = bench.loader.get('1');
  await bench.clock.advance(11);
  bench.calls[0]!.answer(1);

  expect(await got).toBe(1);
  expect(bench.loader.snapshot().entries).toBe(0);
});

test('jitter takes up to its share off', async () => {
  const draws = [0, 1, 0.5];
  const bench = setUp({ ttlMs: 100, ttlJitter: 0.2, random: () => draws.shift()!, lingerMs: 0 });
  const got = bench.loader.getMany(['0', '20', '10']);
  await bench.clock.advance(0);
  bench.calls[0]!.resolve([0, 20, 10]);
  await got;
  const known = (): (number | undefined | null)[] =>
    ['0', '20', '10'].map((key) => bench.loader.peek(key));

  await bench.clock.advance(79);
  expect(known()).toEqual([0, 20, 10]);
  await bench.clock.advance(1);
  expect(known()).toEqual([0, null, 10]);
  await bench.clock.advance(10);
  expect(known()).toEqual([0, null, null]);
  await bench.clock.advance(10);
  expect(known()).toEqual([null, null, null]);
});

test('that a key is absent is known for negativeTtlMs, null and undefined alike', async () => {
  const bench = setUp({ negativeTtlMs: 50, ttlMs: 1000, staleWhileRevalidateMs: 1000 });
  const got = bench.loader.getMany(['x', 'y']);
  await bench.clock.advance(1);
  bench.calls[0]!.resolve([undefined, null]);

  expect(await got).toEqual(new Map());
  expect([bench.loader.peek('x'), bench.loader.peek('y')]).toEqual([undefined, undefined]);
  await bench.clock.advance(50);
  expect(bench.loader.peek('x')).toBeNull();
  void bench.loader.get('x');
  await bench.clock.advance(1);
  expect(bench.calls[1]!.keys).toEqual(['x']);
});

test.each([{ ttlMs: 0 }, { negativeTtlMs: 0 }, { maxNegativeShare: 0 }])(
  'with %j nothing of that kind is stored, and one key is still one load at a time',
  async (options) => {
    const bench = setUp(options);
    const answer = 'ttlMs' in options ? 1 : undefined;

    await load(bench, 'k', answer);
    expect(bench.loader.snapshot()).toMatchObject({ entries: 0, evictions: 0 });
    await load(bench, 'k', answer);

    expect(bench.calls).toHaveLength(2);
  },
);

test('ttlMs Infinity is for good', async () => {
  const bench = setUp({ ttlMs: Infinity, ttlJitter: 1, random: () => 1 });
  await load(bench, '1', 1);

  await bench.clock.advance(1e12);

  expect(bench.loader.peek('1')).toBe(1);
});

test('a stale value is given within staleWhileRevalidateMs, while one load brings a new one', async () => {
  const bench = setUp({ ttlMs: 100, staleWhileRevalidateMs: 50 });
  const { clock, loader, calls } = bench;
  await load(bench, '1', 1);

  await clock.advance(100);
  expect(loader.peek('1')).toBeNull();
  expect([await loader.get('1'), await loader.get('1')]).toEqual([1, 1]);
  expect(await loader.getMany(['1'])).toEqual(new Map([['1', 1]]));
  await clock.advance(1);
  expect(calls).toHaveLength(2);
  calls[1]!.answer(2);
  await clock.advance(0);

  expect(loader.peek('1')).toBe(2);
  expect(loader.snapshot()).toMatchObject({ staleHits: 3, misses: 1 });
  await clock.advance(151);
  const late = loader.get('1');
  await clock.advance(1);
  calls[2]!.answer(3);
  expect(await late).toBe(3);
});

test('a refresh that fails is told, keeps the stale value and is tried again', async () => {
  const bench = setUp({ ttlMs: 100, staleWhileRevalidateMs: 50 });
  const { clock, loader, calls } = bench;
  const failures: unknown[] = [];
  loader.on('loadFailed', ({ keys, error }) => failures.push([keys, error]));
  await load(bench, '1', 1);
  await clock.advance(110);

  void loader.get('1');
  await clock.advance(1);
  const error = new Error('down');
  calls[1]!.reject(error);
  await clock.advance(0);

  expect(failures).toEqual([[['1'], error]]);
  expect(await loader.get('1')).toBe(1);
  await clock.advance(1);
  expect(calls).toHaveLength(3);
  expect(loader.snapshot().staleIfErrorHits).toBe(0);
});

test('a stale value is given within staleIfErrorMs when its load fails, and not otherwise', async () => {
  const bench = setUp({ ttlMs: 100, staleIfErrorMs: 50 });
  const { clock, loader, calls } = bench;
  await load(bench, '1', 1);
  await clock.advance(120);

  const saved = loader.get('1');
  await clock.advance(1);
  calls[1]!.reject(new Error('down'));
  expect(await saved).toBe(1);
  const renewed = loader.get('1');
  await clock.advance(1);
  calls[2]!.resolve([undefined]);
  expect(await renewed).toBeUndefined();

  expect(loader.snapshot()).toMatchObject({ staleIfErrorHits: 1, staleHits: 0 });
});

test('behind staleIfErrorMs, and after an invalidation, the failure is told', async () => {
  const bench = setUp({ ttlMs: 100, staleIfErrorMs: 50 });
  const { clock, loader, calls } = bench;
  await load(bench, '1', 1);
  await clock.advance(150);
  const late = outcomeOf(loader.get('1'));
  await clock.advance(1);
  calls[1]!.reject('down');
  expect(await late).toBe('down');

  await load(bench, '2', 2);
  await clock.advance(110);
  const forgotten = outcomeOf(loader.get('2'));
  await clock.advance(1);
  loader.invalidate('2');
  calls[3]!.reject('down');
  expect(await forgotten).toBe('down');
});
