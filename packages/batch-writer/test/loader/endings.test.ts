import { watchLeaks } from '@holdfast/testkit';
import { expect, test } from 'vitest';
import { createBatchLoader } from '../../src/loader/create-batch-loader.ts';
import { outcomeOf, setUp } from './set-up.ts';

test('the abort of one waiter leaves the others their answer', async () => {
  const { clock, loader, calls } = setUp();
  const caller = new AbortController();
  const aborted = [
    outcomeOf(loader.get('1', { signal: caller.signal })),
    outcomeOf(loader.getMany(['1', '2'], { signal: caller.signal })),
  ];
  const other = loader.get('1', { signal: new AbortController().signal });
  await clock.advance(1);

  caller.abort('enough');
  expect(await Promise.all(aborted)).toEqual(['enough', 'enough']);
  expect(calls[0]!.signal.aborted).toBe(false);
  calls[0]!.answer(1);

  expect(await other).toBe(1);
  expect(loader.peek('2')).toBe(1);
});

test('the abort of all aborts the load, and the next get starts another', async () => {
  const { clock, loader, calls } = setUp();
  const callers = [new AbortController(), new AbortController()];
  const aborted = [
    outcomeOf(loader.get('1', { signal: callers[0]!.signal })),
    outcomeOf(loader.getMany(['1', '2'], { signal: callers[1]!.signal })),
  ];
  await clock.advance(1);

  callers[0]!.abort('first');
  expect(calls[0]!.signal.aborted).toBe(false);
  callers[1]!.abort('second');
  expect(await Promise.all(aborted)).toEqual(['first', 'second']);
  expect(calls[0]!.signal.reason).toBe('second');
  const next = loader.get('1');
  await clock.advance(1);
  calls[0]!.answer(1);
  calls[1]!.answer(2);

  expect(await next).toBe(2);
  expect(calls[1]!.keys).toEqual(['1']);
});

test('a key that nobody waits for any more leaves the queue', async () => {
  const { clock, loader, calls } = setUp();
  const caller = new AbortController();
  const aborted = outcomeOf(loader.get('1', { signal: caller.signal }));

  caller.abort('enough');

  expect(await aborted).toBe('enough');
  expect(loader.snapshot().pendingKeys).toBe(0);
  expect(clock.pending()).toBe(0);
  await clock.advance(5);
  expect(calls).toHaveLength(0);
});

test('an aborted signal is refused before anything is asked', async () => {
  const { loader } = setUp();
  loader.prime('1', 1);
  const signal = AbortSignal.abort('before');

  expect(await outcomeOf(loader.get('1', { signal }))).toBe('before');
  expect(await outcomeOf(loader.getMany(['2'], { signal }))).toBe('before');
  expect(loader.snapshot().pendingKeys).toBe(0);
});

test('close rejects who waits, aborts the loads and resolves when they have ended', async () => {
  const { clock, loader, calls } = setUp({ maxBatch: 2, concurrency: 1 });
  const waiting = ['1', '2', '3'].map((key) => outcomeOf(loader.get(key)));
  const many = outcomeOf(loader.getMany(['1', '4']));
  await clock.advance(1);
  let isClosed = false;

  const closed = loader.close().then(() => (isClosed = true));
  const closedError = expect.objectContaining({ code: 'LOADER_CLOSED' }) as unknown;
  expect(await Promise.all([...waiting, many])).toEqual(Array(4).fill(closedError));
  expect(calls[0]!.signal.aborted).toBe(true);
  await clock.advance(10);
  expect(isClosed).toBe(false);
  expect(loader.snapshot().state).toBe('closing');
  calls[0]!.reject(new Error('aborted'));
  await closed;

  expect(calls).toHaveLength(1);
  expect(clock.pending()).toBe(0);
  expect(loader.snapshot()).toMatchObject({ state: 'closed', pendingKeys: 0, runningLoads: 0 });
});

test('close waits no longer than loadTimeoutMs for a load that does not heed its signal', async () => {
  const { clock, loader } = setUp({ loadTimeoutMs: 100 });
  const got = outcomeOf(loader.get('1'));
  await clock.advance(1);

  const closed = loader.close();
  await clock.advance(100);
  await closed;

  expect(await got).toMatchObject({ code: 'LOADER_CLOSED' });
});

test('close between the call and the start of a full load starts nothing', async () => {
  const { clock, loader, calls } = setUp({ maxBatch: 1 });
  const got = outcomeOf(loader.get('1'));

  await loader.close();
  await clock.advance(5);

  expect(await got).toMatchObject({ code: 'LOADER_CLOSED' });
  expect(calls).toHaveLength(0);
});

test('a closed loader gives, takes and keeps nothing, and may be closed again', async () => {
  const { loader } = setUp();
  loader.prime('1', 1);
  await loader.close();

  expect(loader.peek('1')).toBeNull();
  loader.prime('1', 1);
  loader.invalidate('1');
  loader.clear();
  expect(loader.peek('1')).toBeNull();
  expect(await outcomeOf(loader.get('1'))).toMatchObject({ code: 'LOADER_CLOSED' });
  expect(await outcomeOf(loader.getMany(['1']))).toMatchObject({ code: 'LOADER_CLOSED' });
  await loader.close();
});

test('waits leave no listener on a long-lived signal, and no timer', async () => {
  const { signal } = new AbortController();
  const leaks = watchLeaks({ signals: [signal] });
  await using loader = createBatchLoader<number, number>({
    load: async (keys) => {
      if (keys.includes(5)) throw new Error('five');
      return [...keys];
    },
    maxBatch: 1,
  });

  for (let key = 0; key < 10; key++) await outcomeOf(loader.get(key, { signal }));
  await outcomeOf(loader.getMany([11, 12, 5], { signal }));
  await loader.getMany([13, 14], { signal });

  await leaks.assertNone();
});

test('a listener that throws changes nothing', async () => {
  const { clock, loader, calls } = setUp();
  const warned = new Promise((resolve) => process.once('warning', resolve));
  loader.on('loaded', () => {
    throw new Error('listener');
  });
  const got = loader.get('1');
  await clock.advance(1);
  calls[0]!.answer(1);

  expect(await got).toBe(1);
  expect(await warned).toMatchObject({ name: 'HoldfastListenerWarning' });
});

test('unknown options and bad values are refused, naming option, rule and value', () => {
  const make = (options: object) => () => createBatchLoader({ load: async () => [], ...options });

  expect(make({ maxSize: 1 })).toThrow('maxSize is not an option of createBatchLoader');
  expect(make({ load: undefined })).toThrow('load must be a function, got undefined');
  expect(make({ maxBatch: 0 })).toThrow('maxBatch must be an integer from 1 to 1000000, got 0');
  expect(make({ ttlMs: -1 })).toThrow('ttlMs must be a finite number of at least 0, got -1');
  expect(make({ ttlJitter: 2 })).toThrow('ttlJitter must be a finite number from 0 to 1, got 2');
  expect(make({ maxEntries: 1.5 })).toThrow(RangeError);
  expect(make({ maxPending: '1' })).toThrow(TypeError);
});
