import { expect, test } from 'vitest';
import { outcomeOf, setUp } from './set-up.ts';

test('a load that fails rejects its own waiters alone, and the next get tries again', async () => {
  const { clock, loader, calls } = setUp({ maxBatch: 2 });
  const error = new Error('down');
  const failing = ['1', '2', '1'].map((key) => outcomeOf(loader.get(key)));
  const fine = loader.get('3');
  await clock.advance(1);

  calls[0]!.reject(error);
  calls[1]!.answer(3);

  expect(await Promise.all(failing)).toEqual([error, error, error]);
  expect(await fine).toBe(3);
  expect(loader.peek('1')).toBeNull();
  const again = loader.get('1');
  await clock.advance(1);
  calls[2]!.answer(1);
  expect(await again).toBe(1);
  expect(loader.snapshot()).toMatchObject({ failedKeys: 2, loads: 3 });
});

test('a load that throws at once is one that fails', async () => {
  const { clock, loader } = setUp({
    load: () => {
      throw new Error('at once');
    },
  });
  const got = outcomeOf(loader.get('1'));

  await clock.advance(1);

  expect(await got).toMatchObject({ message: 'at once' });
});

test('an Error as a value fails its key alone and is not cached', async () => {
  const { clock, loader, calls } = setUp();
  const ended: unknown[] = [];
  loader.on('loaded', (event) => ended.push(event));
  const error = new Error('this one');
  const outcomes = Promise.all(['1', '2', '3'].map((key) => outcomeOf(loader.get(key))));
  await clock.advance(1);

  calls[0]!.resolve(
    new Map<string, number | Error>([
      ['1', error],
      ['2', 2],
    ]),
  );

  expect(await outcomes).toEqual([error, 2, undefined]);
  expect([loader.peek('1'), loader.peek('2')]).toEqual([null, 2]);
  await clock.advance(0);
  expect(ended).toEqual([{ keys: 3, found: 1, absent: 1, failed: 1, durationMs: 0 }]);
});

test('getMany rejects with the first failure; what else was found is cached', async () => {
  const { clock, loader, calls } = setUp();
  const many = outcomeOf(loader.getMany(['1', '2']));
  await clock.advance(1);

  calls[0]!.resolve([new Error('this one'), 2]);

  expect(await many).toMatchObject({ message: 'this one' });
  expect(loader.peek('2')).toBe(2);
});

test.each([
  ['an array that is too short', [1]],
  ['an array that is too long', [1, 2, 3]],
  ['a key that was not asked for', new Map([['9', 9]])],
  ['neither map nor array', { '1': 1 }],
  ['nothing', undefined],
])('%s fails the load, typed', async (_what, result) => {
  const { clock, loader, calls } = setUp();
  const outcomes = Promise.all(['1', '2'].map((key) => outcomeOf(loader.get(key))));
  await clock.advance(1);

  calls[0]!.resolve(result as never);

  const failed = expect.objectContaining({ code: 'LOAD_RESULT_INVALID' }) as unknown;
  expect(await outcomes).toEqual([failed, failed]);
  expect(loader.snapshot().entries).toBe(0);
});

test('a key that comes twice under one identity fails the load', async () => {
  const { clock, loader, calls } = setUp({ keyOf: (key) => key.toLowerCase() });
  const got = outcomeOf(loader.get('A'));
  await clock.advance(1);

  calls[0]!.resolve(
    new Map([
      ['a', 1],
      ['A', 2],
    ]),
  );

  expect(await got).toMatchObject({ code: 'LOAD_RESULT_INVALID' });
});

test('a load without an answer fails at loadTimeoutMs, makes room, and its late answer counts for nothing', async () => {
  const { clock, loader, calls } = setUp({ loadTimeoutMs: 100, concurrency: 1 });
  const got = outcomeOf(loader.get('1'));
  await clock.advance(1);
  const next = loader.get('2');

  await clock.advance(100);
  expect(await got).toMatchObject({ code: 'LOAD_TIMEOUT', timeoutMs: 100 });
  expect(calls[0]!.signal.reason).toMatchObject({ code: 'LOAD_TIMEOUT' });
  calls[0]!.answer(1);
  calls[1]!.answer(2);

  expect(await next).toBe(2);
  expect(loader.peek('1')).toBeNull();
  await clock.advance(0);
  expect(clock.pending()).toBe(0);
});

test('createMissing gets what load did not find, once, and what it makes is cached', async () => {
  const asked: (readonly string[])[] = [];
  const { clock, loader, calls } = setUp({
    createMissing: async (keys) => {
      asked.push(keys);
      return new Map([['2', 20]]);
    },
  });
  const many = loader.getMany(['1', '2', '3']);
  const same = loader.get('2');
  await clock.advance(1);

  calls[0]!.resolve(new Map([['1', 1]]));

  expect(await same).toBe(20);
  expect(await many).toEqual(
    new Map([
      ['1', 1],
      ['2', 20],
    ]),
  );
  expect(asked).toEqual([['2', '3']]);
  expect([loader.peek('2'), loader.peek('3')]).toEqual([20, undefined]);
});

test('when createMissing fails, what load has found is given all the same', async () => {
  const error = new Error('read only');
  const { clock, loader, calls } = setUp({
    createMissing: async () => {
      throw error;
    },
  });
  const outcomes = Promise.all(['1', '2'].map((key) => outcomeOf(loader.get(key))));
  await clock.advance(1);

  calls[0]!.resolve([1, undefined]);

  expect(await outcomes).toEqual([1, error]);
  expect(loader.peek('2')).toBeNull();
});
