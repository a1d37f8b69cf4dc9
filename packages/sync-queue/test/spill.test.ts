import { createQueue, memoryStore, type Queue } from '@holdfast/sync-queue';
import { createFakeClock, type FakeClock } from '@holdfast/testkit';
import { expect, test } from 'vitest';
import { createFlakyStore, type FlakyStore } from './flaky-store.ts';

interface SpillBench {
  readonly clock: FakeClock;
  readonly store: FlakyStore;
  readonly spill: FlakyStore;
  readonly queue: Queue<string>;
  readonly seen: string[];
}

function setUpSpill(limits = { maxCount: 100, maxBytes: 10_000 }): SpillBench {
  const clock = createFakeClock();
  const store = createFlakyStore(clock);
  const spill = createFlakyStore(clock);
  return { clock, store, spill, seen: [], queue: createQueueOn(clock, { store, spill, limits }) };
}

function createQueueOn(
  clock: FakeClock,
  { store, spill, limits }: Pick<SpillBench, 'store' | 'spill'> & { limits: object },
): Queue<string> {
  return createQueue<string>({
    name: 'q',
    store,
    limits: { maxCount: 10, maxBytes: 10_000 },
    overflow: { spill: { store: spill, limits: limits as never } },
    clock,
    random: () => 0.5,
  });
}

const consume = ({ queue, seen }: SpillBench): void => {
  queue.consume((batch) => Promise.resolve(void seen.push(...batch.map(({ value }) => value))));
};

test('what finds no room on the spill either is told as such', async () => {
  const bench = setUpSpill({ maxCount: 1, maxBytes: 500 });
  bench.store.fail('all', 'before');
  await bench.queue.add('a');

  await expect(bench.queue.add('b')).rejects.toMatchObject({
    code: 'QUEUE_FULL',
    limit: 'spill',
    message: 'queue q has no room: its spill is full (maxCount 1, maxBytes 500)',
  });
  await bench.queue.close();
});

test('what finds no store is kept, and handed on in order when it is back', async () => {
  const bench = setUpSpill();
  const { queue, store, clock, seen } = bench;
  expect(await queue.add('a')).toMatchObject({ status: 'accepted' });
  const lift = store.fail('all', 'before');
  for (const value of ['b', 'c', 'd']) {
    expect(await queue.add(value)).toMatchObject({ status: 'spilled' });
  }
  lift();
  // Behind those that were spilled, so that it does not overtake them.
  expect(await queue.add('e')).toMatchObject({ status: 'spilled' });
  consume(bench);
  await clock.advance(5000);

  expect(seen).toEqual(['a', 'b', 'c', 'd', 'e']);
  expect(queue.snapshot()).toMatchObject({ accepted: 1, spilled: 4 });
  expect(await queue.add('f')).toMatchObject({ status: 'accepted' });
  await queue.close();
  expect(clock.pending()).toBe(0);
});

test('what finds no room is kept until there is some', async () => {
  const bench = setUpSpill();
  const { queue, clock, seen } = bench;
  const values = Array.from({ length: 30 }, (_, index) => String(index));
  for (const value of values) await queue.add(value);
  expect(queue.snapshot()).toMatchObject({ accepted: 10, spilled: 20 });
  consume(bench);
  await clock.advance(20_000);

  expect([...seen].sort()).toEqual([...values].sort());
  await queue.close();
});

test('an item whose answer was lost is held once', async () => {
  const bench = setUpSpill();
  const { queue, store, clock, seen } = bench;
  const lift = store.fail('enqueue', 'after');
  expect(await queue.add('a')).toMatchObject({ status: 'spilled' });
  await clock.advance(1000);
  lift();
  consume(bench);
  await clock.advance(5000);

  expect(seen).toEqual(['a']);
  await queue.close();
});

test('the spill is bounded, too', async () => {
  const { queue, store } = setUpSpill({ maxCount: 2, maxBytes: 10_000 });
  store.fail('all', 'before');
  await queue.add('a');
  await queue.add('b');

  await expect(queue.add('c')).rejects.toMatchObject({ code: 'QUEUE_FULL' });
  expect(queue.snapshot()).toMatchObject({ spilled: 2, rejected: 1 });
  await queue.close();
});

test('what an earlier process has left on the spill is handed on by the next', async () => {
  const bench = setUpSpill();
  const lift = bench.store.fail('all', 'before');
  await bench.queue.add('a', { priority: 1, key: 'k' });
  await bench.queue.close();
  lift();

  const { clock, store, spill } = bench;
  const queue = createQueueOn(clock, { store, spill, limits: { maxCount: 100, maxBytes: 10_000 } });
  expect(await queue.add('b')).toMatchObject({ status: 'spilled' });
  const seen: unknown[] = [];
  queue.consume((batch) =>
    Promise.resolve(
      void seen.push(...batch.map(({ value, priority, key }) => [value, priority, key])),
    ),
  );
  await clock.advance(5000);

  expect(seen).toEqual([
    ['a', 1, 'k'],
    ['b', 3, undefined],
  ]);
  await queue.close();
});

test('what waits for its time on the spill is not delayed twice', async () => {
  const bench = setUpSpill();
  const { queue, store, clock, seen } = bench;
  const lift = store.fail('all', 'before');
  await queue.add('a', { delayMs: 10_000 });
  await clock.advance(9_000);
  lift();
  consume(bench);
  await clock.advance(3_000);

  expect(seen).toEqual(['a']);
  await queue.close();
});

test('a spill that does not answer holds up nobody while the store does, and else the first failure is told', async () => {
  const { queue, store, spill } = setUpSpill();
  const liftSpill = spill.fail('all', 'before');
  expect(await queue.add('a')).toMatchObject({ status: 'accepted' });
  const lift = store.fail('enqueue', 'after');

  await expect(queue.add('b')).rejects.toMatchObject({
    code: 'AMBIGUOUS_ADD',
    idempotencyKey: expect.any(String) as string,
  });
  lift();
  liftSpill();
  await queue.close();
});

test('an item that the store may hold is not told as refused because the spill is full', async () => {
  const { queue, store } = setUpSpill({ maxCount: 1, maxBytes: 1 });
  store.fail('enqueue', 'after');

  await expect(queue.add('a')).rejects.toMatchObject({ code: 'AMBIGUOUS_ADD' });
  await queue.close();
});

test('negative control: without a spill the producer is told that the store is away', async () => {
  const clock = createFakeClock();
  const store = createFlakyStore(clock);
  store.fail('all', 'before');
  const limits = { maxCount: 10, maxBytes: 10_000 };
  const queue = createQueue<string>({ name: 'q', store, limits, overflow: 'reject', clock });

  await expect(queue.add('a')).rejects.toMatchObject({ code: 'STORE_FAILED' });
  await queue.close();
});

test('a spill of the process is closed with its queue', async () => {
  const store = memoryStore();
  const queue = createQueue<string>({
    name: 'q',
    store: memoryStore(),
    limits: { maxCount: 1, maxBytes: 100 },
    overflow: { spill: { store, limits: { maxCount: 10, maxBytes: 10_000 } } },
  });
  await queue.add('a');
  await queue.add('b');
  await queue.close();

  await expect(queue.add('c')).rejects.toMatchObject({ code: 'QUEUE_CLOSED' });
});
