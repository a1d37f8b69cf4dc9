import { createQueue, memoryStore, type Delivery, type Outcome } from '@holdfast/sync-queue';
import { createGate } from '@holdfast/testkit';
import { expect, test, vi } from 'vitest';
import { itemOf } from './conformance/kit.ts';
import { setUp, storedQueue } from './set-up.ts';

test('resolving with nothing acknowledges the whole batch', async () => {
  const { queue, clock } = setUp();
  const batches: readonly Delivery<string>[][] = [];
  await queue.addMany(['a', 'b', 'c']);

  queue.consume(async (batch) => void (batches as unknown[]).push(batch), { maxBatch: 2 });
  await clock.advance(1);

  expect(batches.map((batch) => batch.map(({ value }) => value))).toEqual([['a', 'b'], ['c']]);
  expect(batches[0]![0]).toEqual({
    id: expect.any(String) as string,
    value: 'a',
    attempt: 1,
    priority: 3,
    key: undefined,
    sampleRate: 1,
    enqueuedAtMs: clock.wallNow() - 1,
  });
  expect(await queue.stats()).toMatchObject({ ready: 0, leased: 0, bytes: 0 });
  expect(queue.snapshot()).toMatchObject({ delivered: 3, acked: 3, inFlight: 0 });
  await queue.close();
});

test('works on as many batches at a time as concurrency says', async () => {
  const { queue, clock } = setUp();
  const gate = createGate();
  await queue.addMany(['a', 'b', 'c', 'd']);

  const consumer = queue.consume(() => gate.pass(), { maxBatch: 1, concurrency: 3 });
  await clock.advance(1);
  expect(gate.waiting()).toBe(3);
  expect(consumer.inFlight).toBe(3);
  gate.open();
  await clock.advance(1);

  expect(queue.snapshot()).toMatchObject({ acked: 4 });
  await queue.close();
});

test('an outcome for each item: ack, retry, dead, and what is left out is retried', async () => {
  const { queue, clock, events } = setUp();
  await queue.addMany(['ack', 'retry', 'dead', 'left out']);
  const attempts: string[] = [];

  queue.consume(async (batch): Promise<readonly Outcome[]> => {
    attempts.push(...batch.map(({ value, attempt }) => `${value} ${attempt}`));
    return batch.flatMap(({ id, value, attempt }): Outcome[] => {
      if (attempt > 1) return [{ id, status: 'ack' }];
      if (value === 'ack') return [{ id, status: 'ack' }];
      if (value === 'retry') return [{ id, status: 'retry', afterMs: 50 }];
      return value === 'dead' ? [{ id, status: 'dead', reason: 'no use' }] : [];
    });
  });
  await clock.advance(49);
  expect(attempts).toHaveLength(4);
  await clock.advance(1);
  expect(attempts.slice(4)).toEqual(['retry 2']);
  await clock.advance(50);
  expect(attempts.slice(5)).toEqual(['left out 2']);

  expect(events).toMatchObject([['dead', { attempt: 1, reason: 'no use' }]]);
  expect(await queue.stats()).toMatchObject({ ready: 0, delayed: 0, dead: 1 });
  await queue.close();
});

test('a handler that rejects has its batch retried with growing delays, then buried', async () => {
  const { queue, clock, events } = setUp({
    retry: { baseMs: 100, jitter: 'none', maxAttempts: 3 },
  });
  await queue.add('a');
  const times: number[] = [];

  queue.consume(async () => {
    times.push(clock.now());
    throw new Error('the database is away');
  });
  await clock.advance(1000);

  expect(times).toEqual([0, 100, 300]);
  expect(events).toMatchObject([
    ['dead', { attempt: 3, reason: '3 attempts failed, last: the database is away' }],
  ]);
  const [dead] = (await queue.dead.list()).letters;
  expect(dead).toMatchObject({ value: 'a', attempt: 3 });
  await queue.close();
});

test('a payload that cannot be decoded goes to the dead letters with its bytes; the others are delivered', async () => {
  const { queue, clock, store } = setUp();
  await queue.add('good');
  const raw = Buffer.from([0x7b, 0xff, 0x00]);
  await storedQueue(store).enqueue([{ ...itemOf(''), payload: raw }]);
  const seen: string[] = [];

  queue.consume(async (batch) => void seen.push(...batch.map(({ value }) => value)));
  await clock.advance(1);

  expect(seen).toEqual(['good']);
  const [dead] = (await queue.dead.list()).letters;
  expect(dead).toMatchObject({ value: undefined, attempt: 1 });
  expect(dead!.reason).toContain('cannot be decoded');
  expect(Buffer.from(dead!.payload)).toEqual(raw);
  await queue.close();
});

test('goes on by itself when the store is back', async () => {
  const { queue, clock, store, events } = setUp();
  const seen: string[] = [];
  queue.consume(async ([delivery]) => void seen.push(delivery!.value));
  await queue.add('a');
  await clock.advance(1);
  const lift = store.fail('all', 'before');
  await clock.advance(10_000);
  lift();
  await clock.advance(2000);
  await queue.add('b');
  await clock.advance(1);

  expect(seen).toEqual(['a', 'b']);
  const errors = events.filter(([name]) => name === 'storeError');
  expect(errors.length).toBeGreaterThan(3);
  expect(errors.length).toBeLessThan(20);
  await queue.close();
});

test('settles again until the store answers, and a repeated answer is told as a repeat', async () => {
  const { queue, clock, store, events } = setUp();
  await queue.add('a');
  const lift = store.fail('settle', 'after');

  queue.consume(async () => undefined);
  await clock.advance(10);
  expect(queue.snapshot()).toMatchObject({ acked: 0 });
  lift();
  await clock.advance(2000);

  expect(await queue.stats()).toMatchObject({ ready: 0, leased: 0 });
  expect(events.filter(([name]) => name === 'staleSettle')).toMatchObject([
    ['staleSettle', { status: 'ack', isRepeat: true }],
  ]);
  await queue.close();
});

test('close waits for running handlers and claims nothing more', async () => {
  const { queue, clock } = setUp();
  const gate = createGate();
  await queue.addMany(['a', 'b']);
  const consumer = queue.consume(() => gate.pass(), { maxBatch: 1 });
  await clock.advance(1);

  let isClosed = false;
  const closed = consumer.close().then(() => (isClosed = true));
  expect(consumer.close()).toBe(consumer.close());
  await clock.advance(10);
  expect(isClosed).toBe(false);
  gate.open();
  await closed;

  expect(await queue.stats()).toMatchObject({ ready: 1, leased: 0 });
  expect(queue.snapshot()).toMatchObject({ acked: 1, consumers: 0 });
  expect(clock.pending()).toBe(0);
  await queue.close();
});

test('gives back what was claimed and not started when it closes, in its order', async () => {
  const { queue, clock, store } = setUp();
  const gate = createGate();
  await queue.addMany(['a', 'b', 'c']);
  store.hook = (call) => (call === 'claim' ? gate.pass() : Promise.resolve());
  const seen: string[] = [];

  const consumer = queue.consume(async ([delivery]) => void seen.push(delivery!.value), {
    maxBatch: 2,
  });
  await gate.arrived();
  const closed = consumer.close();
  gate.open();
  await closed;
  expect(seen).toEqual([]);
  expect(await queue.stats()).toMatchObject({ ready: 3, leased: 0 });

  queue.consume(async (batch) => void seen.push(...batch.map(({ value }) => value)));
  await clock.advance(1);
  expect(seen).toEqual(['a', 'b', 'c']);
  await queue.close();
});

test('an aborted signal closes the consumer', async () => {
  const { queue, clock } = setUp();
  const controller = new AbortController();
  const seen: string[] = [];
  const consumer = queue.consume(async ([delivery]) => void seen.push(delivery!.value), {
    signal: controller.signal,
  });

  controller.abort();
  await consumer.close();
  await queue.add('a');
  await clock.advance(1000);

  expect(seen).toEqual([]);
  expect(queue.snapshot()).toMatchObject({ consumers: 0 });
  await queue.close();
});

test('goes on within a second after a store that was away for long is back', async () => {
  const { queue, clock, store } = setUp();
  await queue.add('a');
  const lift = store.fail('claim', 'before');
  const seen: string[] = [];
  queue.consume(async ([delivery]) => void seen.push(delivery!.value));
  // Just after it has looked once more in vain, which it tells by a call.
  await clock.advance(60_000);
  const { length } = store.calls;
  while (store.calls.length === length) await clock.advance(10);
  lift();
  await clock.advance(1000);

  expect(seen).toEqual(['a']);
  await queue.close();
});

test('close of the queue ends in the time of a lease when the store stays away', async () => {
  const { queue, clock, store } = setUp({ leaseMs: 900 });
  await queue.add('a');
  const gate = createGate();
  queue.consume(() => gate.pass());
  await clock.advance(1);
  store.fail('all', 'before');
  gate.open();

  const closed = queue.close();
  await clock.advance(4000);
  await closed;

  expect(queue.snapshot()).toMatchObject({ state: 'closed', acked: 0 });
  expect(clock.pending()).toBe(0);
});

test('a timer gets its turn while a backlog is consumed, on a store that answers in microtasks', async () => {
  const limits = { maxCount: 1000, maxBytes: 100_000 };
  const queue = createQueue<number>({
    name: 'q',
    store: memoryStore(),
    limits,
    overflow: 'reject',
  });
  await queue.addMany(Array.from({ length: 1000 }, (_, index) => index));
  let handled = 0;

  const handledAtTimer = new Promise<number>((resolve) => setTimeout(() => resolve(handled), 1));
  queue.consume(async (batch) => void (handled += batch.length), { maxBatch: 5 });

  expect(await handledAtTimer).toBeLessThan(1000);
  await queue.close();
});

test('nothing piles up beside a handler that is stuck', async () => {
  const { queue, clock } = setUp({ limits: { maxCount: 10_000, maxBytes: 1_000_000 } });
  const race = vi.spyOn(Promise, 'race');
  await queue.addMany(['stuck', ...Array.from({ length: 90 }, String)]);

  queue.consume(
    ([delivery]) =>
      delivery!.value === 'stuck' ? new Promise(() => undefined) : Promise.resolve(),
    { maxBatch: 1, concurrency: 2 },
  );
  await clock.advance(100);

  expect(queue.snapshot()).toMatchObject({ acked: 90, inFlight: 1 });
  // A race would leave a reaction with the stuck handler's promise in each round.
  expect(race).not.toHaveBeenCalled();
  race.mockRestore();
});
