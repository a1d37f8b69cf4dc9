import { createQueue, memoryStore, type QueueOptions } from '@holdfast/sync-queue';
import { expect, test } from 'vitest';
import { setUp } from './set-up.ts';

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
  [{ overflow: undefined }, 'overflow must be "reject" or { waitMs }'],
  [{ overflow: 'drop' }, 'overflow must be "reject" or { waitMs }'],
  [{ overflow: {} }, 'overflow.waitMs must be a number of at least 0, got undefined'],
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
  [{ pollMs: 0 }, 'pollMs must be a finite number of at least 1, got 0'],
])('consume refuses %o', async (options, message) => {
  const { queue } = setUp();
  expect(() => queue.consume(async () => undefined, options)).toThrow(
    expect.objectContaining({ message }),
  );
  await queue.close();
});

test('consume refuses a handler that is no function, on a closed queue as well', async () => {
  const { queue } = setUp();

  expect(() => queue.consume('handler' as never)).toThrow(
    'handler must be a function, got "handler"',
  );
  await queue.close();
  expect(() => queue.consume(async () => undefined)).toThrow('queue q is closed');
});

test('add refuses a bad id and a bad delay', async () => {
  const { queue } = setUp();

  for (const id of ['a\u0000b', '\ud800', 'a\udc00']) {
    const message = `id must not hold NUL or half of a surrogate pair, got ${JSON.stringify(id)}`;
    await expect(queue.add('a', { id })).rejects.toThrow(new TypeError(message));
    await expect(queue.dead.redrive({ ids: ['fine', id] })).rejects.toThrow(TypeError);
    await expect(queue.dead.purge({ ids: [id] })).rejects.toThrow(TypeError);
  }
  await queue.add('a', { id: 'whole pairs are fine: \u{1f600}' });
  await expect(queue.add('a', { id: '' })).rejects.toThrow('id must be a non-empty string, got ""');
  await expect(queue.add('a', { delayMs: -1 })).rejects.toThrow(
    'delayMs must be a finite number of at least 0, got -1',
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
