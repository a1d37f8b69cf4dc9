import { createQueue, type Queue, type StoredQueue } from '@holdfast/sync-queue';
import { redisStore } from '@holdfast/sync-queue/redis';
import { createTestRedis, type TestRedis } from '@holdfast/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { itemOf, SETTINGS, textOf } from '../conformance/kit.ts';

let redis: TestRedis;

beforeAll(async () => {
  redis = await createTestRedis();
});
afterAll(() => redis.close());

/** As a process of its own that is set up for so many shards. */
function processWith(shards: number, name: string): Queue<string> {
  const store = redisStore({ client: redis.createClient(), prefix: redis.prefix, shards });
  const limits = { maxCount: 100, maxBytes: 10_000 };
  return createQueue({ name, store, limits, overflow: 'reject' });
}

async function drain(queue: Queue<string>): Promise<void> {
  await queue.resume();
  const consumer = queue.consume(async () => Promise.resolve());
  await expect.poll(async () => (await queue.stats()).count).toBe(0);
  await consumer.close();
}

test.each([
  { first: 4, second: 2 },
  { first: 2, second: 4 },
  { first: 1, second: 3 },
])(
  'a process with $second shards is refused while the queue of $first holds anything',
  async ({ first, second }) => {
    const name = `${first} and ${second}`;
    const old = processWith(first, name);
    await old.add('a', { key: 'k' });

    const late = processWith(second, name);
    const refusal = {
      code: 'STORE_SHARDS_DIFFER',
      message: `shards must be ${first} as long as queue ${name} holds items or dead letters in as many, got ${second}`,
    };
    await expect(late.start()).rejects.toMatchObject(refusal);
    await expect(late.add('b', { key: 'k' })).rejects.toMatchObject(refusal);
    expect(await old.stats()).toMatchObject({ count: 1, ready: 1 });

    await drain(old);
    expect(await late.add('b', { key: 'k' })).toMatchObject({ status: 'accepted' });
    await Promise.all([old.close(), late.close()]);
  },
);

test('a dead letter counts, too', async () => {
  const old = processWith(4, 'dead');
  await old.add('a');
  const consumer = old.consumeEach(({ id }) =>
    Promise.resolve({ id, status: 'dead', reason: 'bad' }),
  );
  await expect.poll(async () => (await old.stats()).dead).toBe(1);
  await consumer.close();

  const late = processWith(2, 'dead');
  await expect(late.start()).rejects.toMatchObject({ code: 'STORE_SHARDS_DIFFER', shards: 4 });
  await Promise.all([old.close(), late.close()]);
});

test.each([
  { first: 4, second: 2 },
  { first: 2, second: 4 },
])(
  'when $second shards have taken over an empty queue of $first, calls with the old number are refused',
  async ({ first, second }) => {
    const name = `${first} to ${second}`;
    const old = processWith(first, name);
    await old.start();
    const late = processWith(second, name);
    await late.start();

    for (const key of ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']) {
      await expect(old.add('x', { key })).rejects.toMatchObject({
        code: 'STORE_FAILED',
        outcome: 'not-applied',
        message: expect.stringContaining(
          `the queue has ${second} shards, and this process has ${first}`,
        ) as string,
      });
    }
    expect(await late.stats()).toMatchObject({ count: 0 });
    await Promise.all([old.close(), late.close()]);
  },
);

test('negative control: without the number written down, two processes hold items of one key at a time', async () => {
  const client = redis.createClient();
  const queueWith = (shards: number): StoredQueue =>
    redisStore({ client, prefix: redis.prefix, shards }).queue('unguarded', SETTINGS);
  const keys = Array.from({ length: 20 }, (_, index) => `k${index}`);
  for (const key of keys) {
    await queueWith(4).enqueue([itemOf({ text: 'first', key })]);
    await queueWith(2).enqueue([itemOf({ text: 'second', key })]);
  }

  const held = await queueWith(4).claim({ maxItems: 40, leaseMs: 60_000 });
  const texts = keys.map((key) =>
    held.items.filter((item) => item.key === key).map((item) => textOf(item)),
  );
  expect(texts).toContainEqual(expect.arrayContaining(['first', 'second']));
});
