import { sleep } from '@holdfast/internal';
import { createGate } from '@holdfast/testkit';
import { expect, test } from 'vitest';
import { setUp, storedQueue } from './set-up.ts';

test('sends the adds of one tick in one call, in order', async () => {
  const { queue, store } = setUp();

  const added = await Promise.all(['a', 'b', 'c'].map((value) => queue.add(value)));

  expect(store.calls).toEqual(['open', 'enqueue']);
  expect(new Set(added.map((each) => 'id' in each && each.id)).size).toBe(3);
  expect(queue.snapshot()).toMatchObject({ accepted: 3, pendingAdds: 0 });
  await queue.close();
});

test('adds that come while a call is on its way go with the next', async () => {
  const { queue, store } = setUp();
  const gate = createGate();
  store.hook = (call) => (call === 'enqueue' ? gate.pass() : Promise.resolve());

  const first = queue.add('a');
  await gate.arrived();
  const others = [queue.add('b'), queue.add('c')];
  gate.open();
  await Promise.all([first, ...others]);

  expect(store.calls).toEqual(['open', 'enqueue', 'enqueue']);
  await queue.close();
});

test('rejects at once when there is no room and tells once', async () => {
  const { queue, events } = setUp({ limits: { maxCount: 1, maxBytes: 100 } });

  await queue.add('a');
  await expect(queue.add('b')).rejects.toMatchObject({ code: 'QUEUE_FULL', queue: 'q' });
  await expect(queue.add('c')).rejects.toThrow('queue q has no room: it holds 1 of 1 items');

  expect(events.map(([name]) => name)).toEqual(['pressureRaised', 'full']);
  expect(queue.snapshot()).toMatchObject({ accepted: 1, rejected: 2 });
  await queue.close();
});

test('waits for room, in order, and takes it as soon as a consumer of this process makes some', async () => {
  const { clock, queue } = setUp({
    limits: { maxCount: 1, maxBytes: 100 },
    overflow: { waitMs: 1000 },
  });
  const order: string[] = [];
  const add = async (value: string): Promise<void> => {
    await queue.add(value);
    order.push(value);
  };

  const adds = ['a', 'b', 'c'].map(add);
  await clock.advance(10);
  expect(order).toEqual(['a']);
  const seen: string[] = [];
  queue.consume(async ([delivery]) => void seen.push(delivery!.value));
  await clock.advance(1);
  await Promise.all(adds);

  expect(order).toEqual(['a', 'b', 'c']);
  await clock.advance(1);
  expect(seen).toEqual(['a', 'b', 'c']);
  await queue.close();
  expect(clock.pending()).toBe(0);
});

test('a later item that is smaller may find room before one that waits', async () => {
  const { clock, queue } = setUp({
    limits: { maxCount: 10, maxBytes: 100 },
    overflow: { waitMs: 1000 },
  });
  await queue.add('y'.repeat(50));

  const large = expect(queue.add('z'.repeat(60))).rejects.toMatchObject({ code: 'QUEUE_FULL' });
  const small = queue.add('s');
  await clock.advance(1);
  await small;

  await clock.advance(1000);
  await large;
  await queue.close();
});

test('finds room that another process has made by asking again', async () => {
  const { clock, queue, store } = setUp({
    limits: { maxCount: 1, maxBytes: 100 },
    overflow: { waitMs: 1000 },
  });
  await queue.add('a');
  const waiting = queue.add('b');
  await clock.advance(10);

  const { items } = await storedQueue(store).claim({ maxItems: 1, leaseMs: 1000 });
  await storedQueue(store).settle([{ ...items[0]!, status: 'ack' }]);
  await clock.advance(50);

  await waiting;
  await queue.close();
});

test('says which limit there is no room in, and by how much', async () => {
  const { queue } = setUp({ limits: { maxCount: 100, maxBytes: 10 }, maxPendingAdds: 1 });
  await queue.add('12345');

  await expect(queue.add('1234')).rejects.toMatchObject({
    code: 'QUEUE_FULL',
    limit: 'maxBytes',
    message: 'queue q has no room: it holds 7 of 10 bytes, and the item has 6',
  });
  const [first, second] = await Promise.allSettled([queue.add(''), queue.add('')]);
  expect(first).toMatchObject({ status: 'fulfilled' });
  expect(second).toMatchObject({
    reason: {
      code: 'QUEUE_FULL',
      limit: 'maxPendingAdds',
      message: 'queue q has no room: 1 adds await their answer, as many as maxPendingAdds',
    },
  });
  await queue.close();
});

test('rejects with QUEUE_FULL when waitMs is over', async () => {
  const { clock, queue } = setUp({
    limits: { maxCount: 1, maxBytes: 100 },
    overflow: { waitMs: 500 },
  });
  await queue.add('a');

  const waiting = expect(queue.add('b')).rejects.toThrow(
    'queue q has no room after 500 ms: it holds 1 of 1 items',
  );
  await clock.advance(500);
  await waiting;

  expect(clock.pending()).toBe(0);
  await queue.close();
});

test('does not tell the time of the store as a wait for room', async () => {
  const { clock, queue, store } = setUp({ limits: { maxCount: 1, maxBytes: 100 } });
  await queue.add('a');
  store.hook = () => sleep(4, { clock });

  const refused = expect(queue.add('b')).rejects.toThrow(
    'queue q has no room: it holds 1 of 1 items',
  );
  await clock.advance(4);
  await refused;
  await queue.close();
});

test('an aborted add leaves the line at once', async () => {
  const { clock, queue } = setUp({
    limits: { maxCount: 1, maxBytes: 100 },
    overflow: { waitMs: 10_000 },
  });
  await queue.add('a');
  const controller = new AbortController();
  const reason = new Error('no longer needed');

  const waiting = queue.add('b', { signal: controller.signal });
  await clock.advance(10);
  controller.abort(reason);
  await expect(waiting).rejects.toBe(reason);
  await expect(queue.add('c', { signal: controller.signal })).rejects.toBe(reason);

  await clock.advance(60);
  expect(queue.snapshot()).toMatchObject({ pendingAdds: 0, accepted: 1 });
  expect(clock.pending()).toBe(0);
  await queue.close();
});

test('close rejects the adds that wait for room and waits for the call on its way', async () => {
  const { clock, queue, store } = setUp({
    limits: { maxCount: 1, maxBytes: 100 },
    overflow: { waitMs: 10_000 },
  });
  await queue.add('a');
  const waiting = expect(queue.add('b')).rejects.toMatchObject({ code: 'QUEUE_CLOSED' });
  await clock.advance(10);

  await queue.close();
  await waiting;

  await expect(queue.add('c')).rejects.toMatchObject({ code: 'QUEUE_CLOSED' });
  expect(await storedQueue(store).stats()).toMatchObject({ ready: 1 });
  expect(clock.pending()).toBe(0);
});

test('bounds the adds that wait', async () => {
  const { queue, store } = setUp({ maxPendingAdds: 2 });
  const gate = createGate();
  store.hook = () => gate.pass();

  const adds = [queue.add('a'), queue.add('b')];
  await expect(queue.add('c')).rejects.toMatchObject({ code: 'QUEUE_FULL' });
  gate.open();
  await Promise.all(adds);
  await queue.close();
});

test('an item that is not held is told as STORE_FAILED', async () => {
  const { queue, store, events } = setUp();
  const lift = store.fail('enqueue', 'before');

  await expect(queue.add('a')).rejects.toMatchObject({
    code: 'STORE_FAILED',
    outcome: 'not-applied',
  });
  lift();
  expect(await queue.stats()).toMatchObject({ ready: 0 });
  expect(events).toMatchObject([['storeError', { operation: 'enqueue' }]]);
  await queue.close();
});

test('a store that could not be opened holds nothing, however the opening failed', async () => {
  const { queue, store, events } = setUp();
  const lift = store.fail('open', 'after');

  await expect(queue.add('a')).rejects.toMatchObject({
    code: 'STORE_FAILED',
    outcome: 'not-applied',
  });
  lift();
  await queue.add('b');

  expect(events).toMatchObject([['storeError', { operation: 'open' }]]);
  expect(await queue.stats()).toMatchObject({ ready: 1 });
  await queue.close();
});

test('an item that may be held is told as AMBIGUOUS_ADD, and adding it again with its idempotency key adds it once', async () => {
  const { queue, store } = setUp();
  const lift = store.fail('enqueue', 'after');

  await expect(queue.add('a', { idempotencyKey: '1' })).rejects.toMatchObject({
    code: 'AMBIGUOUS_ADD',
    idempotencyKey: '1',
    cause: { code: 'STORE_FAILED' },
  });
  lift();
  expect(await queue.stats()).toMatchObject({ ready: 1 });
  expect(await queue.add('a', { idempotencyKey: '1' })).toMatchObject({ status: 'duplicate' });

  expect(await queue.stats()).toMatchObject({ ready: 1 });
  await queue.close();
});

test('negative control: adding it again without one adds it twice', async () => {
  const { queue, store } = setUp();
  const lift = store.fail('enqueue', 'after');

  await queue.add('a').catch(() => undefined);
  lift();
  await queue.add('a');

  expect(await queue.stats()).toMatchObject({ ready: 2 });
  await queue.close();
});

test('what a guard refuses was not applied, what it cuts short may have been', async () => {
  const clocked = setUp();
  let mode: 'pass' | 'refuse' | 'cut short' = 'pass';
  const { queue } = setUp({
    store: clocked.store,
    guard: {
      async execute(fn) {
        if (mode === 'refuse') throw Object.assign(new Error('open'), { code: 'CIRCUIT_OPEN' });
        const result = await fn({ signal: new AbortController().signal });
        if (mode === 'pass') return result;
        throw new Error('too late');
      },
    },
  });

  await queue.start();
  mode = 'refuse';
  await expect(queue.add('a')).rejects.toMatchObject({
    code: 'STORE_FAILED',
    outcome: 'not-applied',
    cause: { code: 'CIRCUIT_OPEN' },
  });
  mode = 'cut short';
  await expect(queue.add('a')).rejects.toMatchObject({
    code: 'AMBIGUOUS_ADD',
    cause: { outcome: 'unknown', cause: { message: 'too late' } },
  });
  expect(await storedQueue(clocked.store).stats()).toMatchObject({ ready: 1 });
  await queue.close();
});
