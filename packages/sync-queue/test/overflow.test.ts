import { createQueue, memoryStore, type Delivery } from '@holdfast/sync-queue';
import { seededRandom } from '@holdfast/internal';
import { testSeed } from '@holdfast/testkit';
import { expect, test } from 'vitest';
import { setUp } from './set-up.ts';

test('evicts what is less urgent, tells how many, and keeps them among the dead', async () => {
  const { queue, events } = setUp({
    limits: { maxCount: 2, maxBytes: 100 },
    overflow: { evict: 'oldest' },
  });
  await queue.addMany(['low', 'lower'], (value) => ({ priority: value === 'low' ? 6 : 7 }));

  expect(await queue.add('urgent', { priority: 0 })).toMatchObject({ status: 'accepted' });
  await expect(queue.add('x', { priority: 7 })).rejects.toMatchObject({ code: 'QUEUE_FULL' });

  expect(events.filter(([name]) => name === 'evicted')).toEqual([['evicted', { count: 1 }]]);
  expect(queue.snapshot()).toMatchObject({ accepted: 3, evicted: 1, rejected: 1 });
  const { letters } = await queue.dead.list();
  expect(letters).toMatchObject([{ value: 'lower', priority: 7 }]);
  await queue.close();
});

test('drops what it evicts where it is told to, and counts it', async () => {
  const { queue } = setUp({
    limits: { maxCount: 1, maxBytes: 100 },
    overflow: { evict: 'newest', to: 'drop' },
  });
  await queue.add('low', { priority: 7 });
  await queue.add('urgent', { priority: 0 });

  expect(await queue.stats()).toMatchObject({ count: 1, dead: 0, dropped: { evicted: 1 } });
  await queue.close();
});

test('totals can be estimated from what was sampled, within two in a hundred', async () => {
  const seed = testSeed();
  const queue = createQueue<number>({
    name: 'q',
    store: memoryStore(),
    limits: { maxCount: 2000, maxBytes: 1_000_000 },
    overflow: { sample: { above: 0.2, minPriority: 4, floor: 0.05 } },
    random: seededRandom(seed),
    maxPendingAdds: 100_000,
  });
  let estimate = 0;
  let delivered = 0;
  const weigh = (batch: readonly Delivery<number>[]): void => {
    for (const { sampleRate } of batch) estimate += 1 / sampleRate;
    delivered += batch.length;
  };
  const offered = 100_000;
  for (let round = 0; round < 100; round += 1) {
    const verdicts = await queue.addMany(
      Array.from({ length: offered / 100 }, () => 1),
      { priority: 7 },
    );
    expect(verdicts.every(({ status }) => status === 'accepted' || status === 'sampled-out')).toBe(
      true,
    );
    // Less than what is offered: the queue is under pressure all the time.
    let room = 400;
    const consumer = queue.consume(
      (batch) => {
        weigh(batch);
        if ((room -= batch.length) <= 0) void consumer.close();
        return Promise.resolve();
      },
      { maxBatch: 200 },
    );
    while (room > 0) await new Promise((resolve) => setImmediate(resolve));
    await consumer.close();
  }
  const weighAll = (batch: readonly Delivery<number>[]): Promise<void> => {
    weigh(batch);
    return Promise.resolve();
  };
  const rest = queue.consume(weighAll, { maxBatch: 250 });
  while ((await queue.stats()).count > 0) await new Promise((resolve) => setImmediate(resolve));
  await rest.close();

  expect(delivered).toBeLessThan(offered * 0.6);
  expect(Math.abs(estimate - offered) / offered).toBeLessThan(0.02);
  await queue.close();
});

test('items of one sample key share their luck', async () => {
  const { queue } = setUp({
    limits: { maxCount: 100, maxBytes: 10_000 },
    overflow: { sample: { above: 0, minPriority: 0, floor: 0.5 } },
  });
  await queue.addMany(
    Array.from({ length: 60 }, () => 'x'),
    { sampleKey: 'first' },
  );
  const statuses = new Map<string, Set<string>>();
  for (let round = 0; round < 3; round += 1) {
    for (let trace = 0; trace < 8; trace += 1) {
      const sampleKey = `trace ${trace}`;
      const { status } = await queue.add('y', { sampleKey });
      statuses.set(sampleKey, (statuses.get(sampleKey) ?? new Set()).add(status));
    }
  }

  expect([...statuses.values()].every(({ size }) => size === 1)).toBe(true);
  expect(new Set([...statuses.values()].flatMap((set) => [...set])).size).toBe(2);
  await queue.close();
});

test('pressure is told with every reply, and an incident once', async () => {
  const { queue, clock, events } = setUp({
    limits: { maxCount: 10, maxBytes: 10_000 },
    alerts: { raiseAt: 0.8, clearAt: 0.5 },
  });
  expect(await queue.add('a')).toMatchObject({ pressure: { level: 'ok', fill: 0.1 } });
  await queue.addMany(['b', 'c', 'd', 'e', 'f', 'g']);
  await clock.advance(1000);
  expect(await queue.add('h')).toMatchObject({ pressure: { level: 'high', fill: 0.8 } });
  await queue.add('i');
  const { pressure } = await queue.add('j');
  expect(pressure).toMatchObject({ level: 'full', fill: 1 });
  await expect(queue.add('k')).rejects.toMatchObject({
    code: 'QUEUE_FULL',
    pressure: { level: 'full' },
  });
  const raised = events.filter(([name]) => name === 'pressureRaised');
  expect(raised).toMatchObject([['pressureRaised', { cause: 'count', fill: 0.8 }]]);

  const consumer = queue.consume(() => Promise.resolve(), { maxBatch: 4 });
  await clock.advance(1);
  await consumer.close();
  await clock.advance(5000);
  expect(events.filter(([name]) => name === 'pressureCleared')).toMatchObject([
    ['pressureCleared', { cause: 'count' }],
  ]);
  await queue.close();
  expect(clock.pending()).toBe(0);
});

test('a steady growth tells when the queue will be full', async () => {
  const { queue, clock } = setUp({ limits: { maxCount: 1000, maxBytes: 100_000 } });
  let fullInMs: number | undefined;
  for (let second = 0; second < 10; second += 1) {
    await queue.addMany(Array.from({ length: 50 }, () => 'x'));
    fullInMs = queue.snapshot().pressure.fullInMs;
    await clock.advance(1000);
  }

  // 500 of 1000 in, 50 a second.
  expect(fullInMs).toBeGreaterThan(9_000);
  expect(fullInMs).toBeLessThan(11_000);
  await queue.close();
});

test('the age of the oldest item is an incident of its own', async () => {
  const { queue, clock, events } = setUp({ alerts: { oldestMs: 10_000, everyMs: 1000 } });
  await queue.add('a');
  await clock.advance(9_500);
  expect(events).toEqual([]);
  await clock.advance(1_600);
  expect(events).toMatchObject([['pressureRaised', { cause: 'age' }]]);

  queue.consume(() => Promise.resolve());
  await clock.advance(2_000);
  expect(events[1]).toMatchObject(['pressureCleared', { cause: 'age' }]);
  await queue.close();
});

test('a fill that trembles at the threshold is one incident', async () => {
  const { queue, clock, events } = setUp({
    limits: { maxCount: 10, maxBytes: 10_000 },
    alerts: { raiseAt: 0.8, clearAt: 0.6 },
  });
  await queue.addMany(['a', 'b', 'c', 'd', 'e', 'f', 'g']);
  for (let round = 0; round < 20; round += 1) {
    await queue.add('x');
    const consumer = queue.consume(() => Promise.resolve(), { maxBatch: 1 });
    await clock.advance(0);
    await consumer.close();
  }

  expect(events.filter(([name]) => name === 'pressureRaised').length).toBeLessThanOrEqual(2);
  await queue.close();
});
