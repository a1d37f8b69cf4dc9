import {
  createQueue,
  memoryStore,
  StoreEvictsError,
  StoreFailedError,
  type Guard,
  type QueueStore,
} from '@holdfast/sync-queue';
import { createFakeClock, createGate } from '@holdfast/testkit';
import { expect, test } from 'vitest';
import { setUp } from './set-up.ts';

const { signal } = new AbortController();

test('a failure that is told with another outcome is told once', () => {
  const first = new StoreFailedError('not-applied', new Error('disk full'));

  expect(new StoreFailedError('unknown', first)).toMatchObject({
    message: 'the store failed: disk full',
    outcome: 'unknown',
    cause: first,
  });
});

test('opens the store through the guard, and what the guard refuses is told as not applied', async () => {
  let isOpen = true;
  let executed = 0;
  const guard: Guard = {
    async execute(fn) {
      executed += 1;
      if (isOpen) throw Object.assign(new Error('open'), { code: 'CIRCUIT_OPEN' });
      return fn({ signal });
    },
  };
  const { queue, store, events } = setUp({ guard });

  await expect(queue.add('a')).rejects.toMatchObject({
    code: 'STORE_FAILED',
    outcome: 'not-applied',
    cause: { code: 'CIRCUIT_OPEN' },
  });
  expect(store.calls).toEqual([]);
  expect(events).toMatchObject([['storeError', { operation: 'open' }]]);
  isOpen = false;
  await queue.add('a');
  await queue.add('b');

  expect(store.calls).toEqual(['open', 'enqueue', 'enqueue']);
  expect(executed).toBe(4);
  await queue.close();
});

test('settings that cannot be written down are told, and keep nobody from working', async () => {
  const clock = createFakeClock();
  const inner = memoryStore({ clock });
  const noRoom = new StoreFailedError('not-applied', new Error('OOM'));
  const store: QueueStore = {
    ...inner,
    queue: (name, settings) =>
      Object.assign(inner.queue(name, settings), { recordSettings: () => Promise.reject(noRoom) }),
  };
  const limits = { maxCount: 10, maxBytes: 1000 };
  await using queue = createQueue<string>({ name: 'q', store, limits, overflow: 'reject' });
  const told: unknown[] = [];
  queue.on('storeError', (event) => told.push(event));

  expect((await queue.add('a')).status).toBe('accepted');
  await queue.add('b');

  expect(told).toEqual([{ operation: 'record', error: noRoom }]);
});

test('an error that says why the store cannot be used passes a guard as it is', async () => {
  const { queue, store } = setUp({ guard: { execute: (fn) => fn({ signal }) } });
  store.hook = () => Promise.reject(new StoreEvictsError('allkeys-lru'));

  await expect(queue.start()).rejects.toMatchObject({ code: 'STORE_EVICTS' });
  await expect(queue.add('a')).rejects.toMatchObject({ code: 'STORE_EVICTS' });
  store.hook = () => Promise.reject(new StoreFailedError('unknown', new Error('no answer')));
  await expect(queue.start()).rejects.toMatchObject({ outcome: 'not-applied' });
  store.hook = undefined;
  await queue.close();
});

test('an opening that the guard cut short is the one that the next call waits for and close() ends', async () => {
  const gate = createGate();
  let isPatient = false;
  const guard: Guard = {
    async execute(fn) {
      const call = fn({ signal });
      if (isPatient) return call;
      call.catch(() => undefined);
      throw new Error('too late');
    },
  };
  const { queue, store } = setUp({ guard });
  let closes = 0;
  store.close = () => Promise.resolve(void (closes += 1));
  store.hook = (call) => (call === 'open' ? gate.pass() : Promise.resolve());

  await expect(queue.start()).rejects.toMatchObject({ cause: { message: 'too late' } });
  isPatient = true;
  const added = queue.add('a');
  await gate.arrived();
  gate.open();
  await added;
  await queue.close();

  expect(store.calls).toEqual(['open', 'enqueue']);
  expect(closes).toBe(1);
});

test('a store whose opening the guard cut short is closed all the same', async () => {
  const gate = createGate();
  const guard: Guard = {
    execute: (fn) => {
      void fn({ signal });
      return Promise.reject(new Error('too late'));
    },
  };
  const { queue, store } = setUp({ guard });
  let closes = 0;
  store.close = () => Promise.resolve(void (closes += 1));
  store.hook = () => gate.pass();

  await expect(queue.start()).rejects.toMatchObject({ code: 'STORE_FAILED' });
  const closed = queue.close();
  gate.open();
  await closed;

  expect(closes).toBe(1);
});
