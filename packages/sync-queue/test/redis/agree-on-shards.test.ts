import type { Queue } from '@holdfast/sync-queue';
import { redisStore } from '@holdfast/sync-queue/redis';
import { expect, test } from 'vitest';
import { itemOf, SETTINGS } from '../conformance/kit.ts';
import { keyOf, useAgreement } from './agreement-calls.ts';

const fixture = useAgreement();
const { processWith, stoppable, written } = fixture;

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
      message: `shards must be ${first} as in queue ${name}, got ${second}; a process that starts can change them while the queue holds nothing`,
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

    const key = keyOf(0, first);
    await expect(old.add('x', { key })).rejects.toMatchObject({
      code: 'STORE_FAILED',
      outcome: 'not-applied',
      message: expect.stringContaining(
        `the queue has ${second} shards, and this process has ${first}`,
      ) as string,
    });
    const refusal = { code: 'STORE_SHARDS_DIFFER', shards: second };
    await expect(old.add('x', { key })).rejects.toMatchObject(refusal);
    await expect(old.stats()).rejects.toMatchObject(refusal);
    expect(await late.stats()).toMatchObject({ count: 0 });
    await Promise.all([old.close(), late.close()]);
  },
);

test.each(['HGET', 'EVALSHA'])(
  'a process whose %s of the agreement fails works only once it has agreed',
  async (command) => {
    const name = `failing ${command}`;
    let left = 1;
    const client = stoppable((args) => {
      const isOfShards = args[0] === command && String(args.slice(1)).includes(`${name}}:state`);
      if (isOfShards && (left -= 1) >= 0) throw new Error('Command timed out');
    });
    const process = processWith(4, name, { client });
    const told: string[] = [];
    process.on('storeError', ({ operation }) => told.push(operation));

    await expect(process.start()).rejects.toMatchObject({
      code: 'STORE_FAILED',
      outcome: 'not-applied',
    });
    await process.add('a', { key: 'k' });
    expect(told).toEqual(['open']);
    expect(await written(name, 4)).toEqual(['4', '4', '4', '4']);
    const late = processWith(2, name);
    await expect(late.start()).rejects.toMatchObject({ code: 'STORE_SHARDS_DIFFER', shards: 4 });
    await Promise.all([process.close(), late.close()]);
  },
);

test('a queue that holds items and tells no number is taken for one with one shard', async () => {
  const client = fixture.redis.createClient();
  const store = redisStore({ client, prefix: fixture.redis.prefix });
  await store.queue('untold', SETTINGS).enqueue([itemOf('a')]);

  const late = processWith(4, 'untold');
  await expect(late.start()).rejects.toMatchObject({ code: 'STORE_SHARDS_DIFFER', shards: 1 });
  const single = processWith(1, 'untold');
  expect(await single.stats()).toMatchObject({ count: 1 });
  await Promise.all([late.close(), single.close()]);
});

test.each<{ what: string; fill: (queue: Queue<string>) => Promise<unknown>; more?: object }>([
  { what: 'a paused queue', fill: (queue) => queue.pause() },
  { what: 'a paused key', fill: (queue) => queue.pause({ kind: 'key', key: 'k' }) },
  { what: 'a paused priority', fill: (queue) => queue.pause({ kind: 'priority', priority: 5 }) },
  {
    what: 'an idempotency key in its window',
    fill: async (queue) => {
      await queue.add('a', { idempotencyKey: 'i' });
      await drain(queue);
    },
  },
  {
    what: 'a rate that is used up',
    more: { rate: { count: 4, perMs: 3_600_000 } },
    fill: async (queue) => {
      await queue.add('a');
      await drain(queue);
    },
  },
])('$what counts, too', async ({ what, fill, more }) => {
  const old = processWith(4, what, more);
  await fill(old);

  const late = processWith(2, what, more);
  await expect(late.start()).rejects.toMatchObject({ code: 'STORE_SHARDS_DIFFER', shards: 4 });
  expect(await written(what, 4)).toEqual(['4', '4', '4', '4']);
  await Promise.all([old.close(), late.close()]);
});

test('what was resumed and what is out of its window does not count', async () => {
  const old = processWith(4, 'over', { idempotency: { windowMs: 1 } });
  const targets = [
    { kind: 'queue' },
    { kind: 'key', key: 'k' },
    { kind: 'priority', priority: 5 },
  ] as const;
  for (const target of targets) {
    await old.pause(target);
    await old.resume(target);
  }
  await old.add('a', { idempotencyKey: 'i' });
  await drain(old);

  const late = processWith(2, 'over');
  await late.start();
  expect((await written('over', 4)).slice(0, 2)).toEqual(['2', '2']);
  await Promise.all([old.close(), late.close()]);
});
