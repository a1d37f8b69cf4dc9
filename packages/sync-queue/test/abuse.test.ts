import { createQueue, memoryStore, type QueueOptions } from '@holdfast/sync-queue';
import { expect, test } from 'vitest';
import { setUp } from './set-up.ts';

const OVERFLOW = "overflow must be 'reject', { waitMs }, { evict }, { sample } or { spill }, got";

const good = {
  name: 'q',
  store: memoryStore(),
  limits: { maxCount: 10, maxBytes: 1000 },
  overflow: 'reject',
};

test.each<[Record<string, unknown>, string]>([
  [{ name: '' }, 'name must be a non-empty string, got ""'],
  [{ name: 'a\u0000' }, 'name must not hold NUL or half of a surrogate pair, got "a\\u0000"'],
  [{ name: '\udfff' }, 'name must not hold NUL or half of a surrogate pair, got "\\udfff"'],
  [{ store: undefined }, 'store must be an object, got undefined'],
  [{ store: {} }, 'store.open must be a function, got undefined'],
  [{ limits: undefined }, 'limits must be an object, got undefined'],
  [{ limits: { maxBytes: 5 } }, 'limits.maxCount must be an integer of at least 1, got undefined'],
  [{ limits: { maxCount: 0 } }, 'limits.maxCount must be an integer of at least 1, got 0'],
  [
    { limits: { maxCount: 1, maxBytes: Infinity } },
    'limits.maxBytes must be an integer of at least 1, got Infinity',
  ],
  [
    { limits: { maxCount: 1, maxBytes: 5, maxItemBytes: 6 } },
    'limits.maxItemBytes must be an integer from 1 to 5, got 6',
  ],
  [{ overflow: undefined }, `${OVERFLOW} undefined`],
  [{ overflow: 'drop' }, `${OVERFLOW} drop`],
  [{ overflow: null }, `${OVERFLOW} null`],
  [{ overflow: {} }, `${OVERFLOW} an object with nothing`],
  [{ overflow: { waitMS: 5, to: 'dead' } }, `${OVERFLOW} an object with waitMS, to`],
  [
    { overflow: { waitMs: undefined } },
    'overflow.waitMs must be a number of at least 0, got undefined',
  ],
  [{ overflow: { waitMs: -1 } }, 'overflow.waitMs must be a finite number of at least 0, got -1'],
  [{ overflow: { evict: 'all' } }, 'overflow.evict must be one of oldest, newest, got "all"'],
  [{ overflow: { evict: 'oldest', to: 'x' } }, 'overflow.to must be one of dead, drop, got "x"'],
  [
    { overflow: { sample: { above: 1 } } },
    'overflow.sample.above must be a finite number from 0 to 0.99, got 1',
  ],
  [
    { overflow: { sample: { minPriority: 8 } } },
    'overflow.sample.minPriority must be an integer from 0 to 7, got 8',
  ],
  [{ overflow: { spill: {} } }, 'overflow.spill.store must be an object, got undefined'],
  [
    { overflow: { spill: { store: memoryStore(), limits: { maxCount: 0, maxBytes: 1 } } } },
    'overflow.spill.limits.maxCount must be an integer of at least 1, got 0',
  ],
  [{ order: { agingMs: -1 } }, 'order.agingMs must be a finite number of at least 0, got -1'],
  [
    { order: { keyConcurrency: 0 } },
    'order.keyConcurrency must be an integer of at least 1, got 0',
  ],
  [{ order: { onPoison: 'stop' } }, 'order.onPoison must be one of advance, halt-key, got "stop"'],
  [{ dead: { maxCount: 0 } }, 'dead.maxCount must be an integer of at least 1, got 0'],
  [{ dead: { whenFull: 'drop' } }, 'dead.whenFull must be one of keep, drop-oldest, got "drop"'],
  [
    { idempotency: { windowMs: 0 } },
    'idempotency.windowMs must be a finite number of at least 1, got 0',
  ],
  [{ rate: { count: 0, perMs: 1000 } }, 'rate.count must be an integer of at least 1, got 0'],
  [{ alerts: { raiseAt: 2 } }, 'alerts.raiseAt must be a finite number from 0 to 1, got 2'],
  [
    { alerts: { raiseAt: 0.5, clearAt: 0.6 } },
    'alerts.clearAt must be a finite number from 0 to 0.5, got 0.6',
  ],
  [
    { retry: { budget: { ratio: -1, burst: 1 } } },
    'retry.budget.ratio must be a finite number of at least 0, got -1',
  ],
  [
    { limit: 5 },
    'limit is not an option of createQueue; its options are name, store, limits, overflow, leaseMs, retry, order, dead, idempotency, rate, alerts, codec, maxPendingAdds, guard, clock, random',
  ],
  [{ leaseMs: 99 }, 'leaseMs must be an integer of at least 100, got 99'],
  [{ retry: 3 }, 'retry must be an object, got 3'],
  [{ retry: { maxAttempts: 0 } }, 'retry.maxAttempts must be an integer of at least 1, got 0'],
  [{ retry: { baseMs: -1 } }, 'retry.baseMs must be a finite number of at least 0, got -1'],
  [
    { retry: { jitter: 'decorrelated' } },
    'retry.jitter must be one of none, full, equal, got "decorrelated"',
  ],
  [{ codec: {} }, 'codec.encode must be a function, got undefined'],
  [{ guard: {} }, 'guard.execute must be a function, got undefined'],
  [{ maxPendingAdds: 0 }, 'maxPendingAdds must be an integer of at least 1, got 0'],
  [{ random: 5 }, 'random must be a function, got 5'],
])('%o is refused', (options, message) => {
  const bad = { ...good, ...options } as unknown as QueueOptions<string>;
  expect(() => createQueue(bad)).toThrow(expect.objectContaining({ message }));
});

test.each<[Record<string, unknown>, string]>([
  [{ maxBatch: 251 }, 'maxBatch must be an integer from 1 to 250, got 251'],
  [{ concurrency: 0 }, 'concurrency must be an integer from 1 to 1000, got 0'],
  [{ signal: {} }, 'signal must be an AbortSignal, got an object'],
  [{ pollMs: 0 }, 'pollMs must be a finite number of at least 1, got 0'],
])('consume refuses %o', async (options, message) => {
  const { queue } = setUp();
  expect(() => queue.consume(async () => undefined, options)).toThrow(
    expect.objectContaining({ message }),
  );
  await queue.close();
});

test('consume and consumeEach each tell their own options', async () => {
  const { queue } = setUp();
  const handler = async (): Promise<void> => undefined;

  expect(() => queue.consume(handler, { batchSize: 5 } as never)).toThrow(
    'batchSize is not an option of consume; its options are maxBatch, concurrency, pollMs, signal',
  );
  expect(() => queue.consumeEach(handler, { maxBatch: 5 } as never)).toThrow(
    'maxBatch is not an option of consumeEach; its options are concurrency, pollMs, signal',
  );
  await queue.close();
});

test('consume refuses a handler that is no function, on a closed queue as well', async () => {
  const { queue } = setUp();

  expect(() => queue.consume('handler' as never)).toThrow(
    'handler must be a function, got a string',
  );
  await queue.close();
  expect(() => queue.consume(async () => undefined)).toThrow('queue q is closed');
});

test.each<[Record<string, unknown>, string]>([
  [{ delayMs: -1 }, 'delayMs must be a finite number of at least 0, got -1'],
  [{ priority: 8 }, 'priority must be an integer from 0 to 7, got 8'],
  [{ key: '' }, 'key must be a non-empty string, got ""'],
  [{ key: 'a\u0000b' }, 'key must not hold NUL or half of a surrogate pair, got "a\\u0000b"'],
  [
    { idempotencyKey: '\ud800' },
    'idempotencyKey must not hold NUL or half of a surrogate pair, got "\\ud800"',
  ],
  [
    { coalesce: { key: 'k', mode: 'merge' } },
    'coalesce.mode must be one of replace, keep-first, fold, got "merge"',
  ],
  [{ coalesce: 'a' }, 'coalesce must be an object, got a string'],
  [{ coalesce: { key: 'k', mode: 'fold' } }, 'coalesce.fold must be a function, got undefined'],
  [{ signal: 5 }, 'signal must be an AbortSignal, got a number'],
  [{ signal: null }, 'signal must be an AbortSignal, got null'],
  [
    { id: 'x' },
    'id is not an option of add; its options are priority, delayMs, key, idempotencyKey, coalesce, sampleKey, transaction, signal',
  ],
])('add refuses %o', async (options, message) => {
  const { queue, store } = setUp();

  await expect(queue.add('a', options)).rejects.toThrow(expect.objectContaining({ message }));
  await expect(queue.addMany(['a'], options)).rejects.toThrow(expect.objectContaining({ message }));
  expect(store.calls).toEqual([]);
  await queue.close();
});

test('filters of dead letters and targets of pauses are checked', async () => {
  const { queue } = setUp();

  await expect(queue.dead.redrive({ filter: { ids: ['fine', 'a\udc00'] } })).rejects.toThrow(
    TypeError,
  );
  await expect(queue.dead.purge({ filter: { ids: ['a\u0000'] } })).rejects.toThrow(TypeError);
  await expect(queue.dead.purge({ filter: { ids: 'a' as never } })).rejects.toThrow(
    new TypeError('filter.ids must be an array of ids, got a string'),
  );
  await expect(queue.dead.redrive({ signal: 5 as never })).rejects.toThrow(
    new TypeError('signal must be an AbortSignal, got a number'),
  );
  await expect(queue.dead.list({ after: 5 as never })).rejects.toThrow(
    new TypeError('after must be a non-empty string, got 5'),
  );
  await expect(queue.dead.redrive({ perSecond: 0 })).rejects.toThrow(
    'perSecond must be a finite number of at least 0.001, got 0',
  );
  await expect(queue.pause({ kind: 'key', key: '' })).rejects.toThrow(
    'target.key must be a non-empty string, got ""',
  );
  await expect(queue.pause({ kind: 'all' as 'queue' })).rejects.toThrow(
    'target.kind must be one of queue, priority, key, got "all"',
  );
  await queue.close();
});

test('close may be called twice, before and while anything runs', async () => {
  const { queue, store } = setUp();
  const first = queue.close();

  expect(queue.close()).toBe(first);
  await first;
  expect(store.calls).toEqual([]);
  await expect(queue.start()).rejects.toMatchObject({ code: 'QUEUE_CLOSED' });
  await expect(queue.stats()).rejects.toMatchObject({ code: 'QUEUE_CLOSED' });
});

test('a listener that throws changes nothing', async () => {
  const { queue } = setUp({ limits: { maxCount: 1, maxBytes: 100 } });
  const warnings: string[] = [];
  const onWarning = (warning: Error): void => void warnings.push(warning.name);
  process.on('warning', onWarning);
  queue.on('full', () => {
    throw new Error('bad listener');
  });

  await queue.add('a');
  await expect(queue.add('b')).rejects.toMatchObject({ code: 'QUEUE_FULL' });
  await new Promise((resolve) => setImmediate(resolve));
  process.off('warning', onWarning);
  expect(warnings).toEqual(['HoldfastListenerWarning']);
  await queue.close();
});
