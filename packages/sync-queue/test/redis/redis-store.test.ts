import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { createQueue } from '@holdfast/sync-queue';
import { redisStore, type RedisLike } from '@holdfast/sync-queue/redis';
import { createTestRedis, startRedisServer, type TestRedis } from '@holdfast/testkit';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CLAIM } from '../../src/redis/scripts.ts';
import { describeStore } from '../store-contract.ts';

let redis: TestRedis;

beforeAll(async () => {
  redis = await createTestRedis();
});
afterAll(() => redis.close());

describeStore('redis', async () => ({
  store: redisStore({ client: redis.createClient(), prefix: redis.prefix }),
  elapse: (ms) => delay(ms + 5),
  close: async () => undefined,
}));

test('goes on after the server has forgotten its scripts', async () => {
  const client = redis.createClient();
  const store = redisStore({ client, prefix: redis.prefix });
  const limits = { maxCount: 10, maxBytes: 1000 };
  const item = { id: 'a', payload: Buffer.from('x'), delayMs: 0 };

  await store.enqueue('forgetful', [item], limits);
  await client.script('FLUSH');
  expect(await client.script('EXISTS', createHash('sha1').update(CLAIM).digest('hex'))).toEqual([
    0,
  ]);

  const claim = await store.claim('forgetful', { maxItems: 1, leaseMs: 1000, maxTries: 1 });
  expect(claim.items).toMatchObject([{ id: 'a' }]);
});

test('works on a node of a cluster, which refuses keys of different slots, whatever the name', async () => {
  await using server = await startRedisServer({ settings: { 'cluster-enabled': 'yes' } });
  const client = new Redis(server.url);
  await client.call('CLUSTER', 'ADDSLOTSRANGE', 0, 16383);
  while (!String(await client.call('CLUSTER', 'INFO')).includes('cluster_state:ok'))
    await delay(20);
  const store = redisStore({ client });
  const limits = { maxCount: 10, maxBytes: 1000 };
  const item = { id: 'a', payload: Buffer.from('x'), delayMs: 0 };

  for (const name of ['plain', 'a}b{c}', '{}']) {
    expect(await store.enqueue(name, [item], limits)).toEqual(['accepted']);
    const claim = await store.claim(name, { maxItems: 1, leaseMs: 1000, maxTries: 1 });
    expect(await store.settle(name, [{ id: 'a', attempt: 1, status: 'ack' }])).toEqual([true]);
    expect(claim.items).toHaveLength(1);
  }
  await expect(client.mset('negative', 1, 'control', 2)).rejects.toThrow('CROSSSLOT');
  client.disconnect();
});

test('tells a refused call from one whose answer is lost', async () => {
  const client = redis.createClient({ commandTimeout: 50, maxRetriesPerRequest: 0 });
  const store = redisStore({ client, prefix: redis.prefix });
  await client.set(`{${redis.prefix.length}:${redis.prefix}:broken}:items`, 'not a hash');
  await expect(store.stats('broken')).resolves.toBeDefined();

  const item = { id: 'a', payload: Buffer.from('x'), delayMs: 0 };
  const limits = { maxCount: 10, maxBytes: 1000 };
  await expect(store.enqueue('broken', [item], limits)).rejects.toMatchObject({
    code: 'STORE_FAILED',
    outcome: 'not-applied',
  });

  const admin = redis.createClient();
  await admin.client('PAUSE', 300);
  await expect(store.enqueue('fine', [item], limits)).rejects.toMatchObject({
    code: 'STORE_FAILED',
    outcome: 'unknown',
  });
});

test('settles, extends and redrives what it holds when the server has no memory left', async () => {
  await using server = await startRedisServer();
  const client = new Redis(server.url);
  const store = redisStore({ client });
  const limits = { maxCount: 10, maxBytes: 1000 };
  const request = { maxItems: 10, leaseMs: 150, maxTries: 3 };
  const items = ['ack', 'retry', 'release', 'dead'].map((id) => {
    return { id, payload: Buffer.from('x'), delayMs: 0 };
  });
  await store.enqueue('full', items, limits);
  await client.config('SET', 'maxmemory', '1mb');

  await expect(store.enqueue('full', [{ ...items[0]!, id: 'more' }], limits)).rejects.toMatchObject(
    { outcome: 'not-applied', message: expect.stringContaining('OOM') as string },
  );
  const { items: claimed } = await store.claim('full', request);
  expect(claimed).toHaveLength(4);
  expect(await store.extend('full', claimed, 10_000)).toEqual([true, true, true, true]);
  await delay(200);
  expect((await store.claim('full', request)).items).toEqual([]);
  expect(
    await store.settle('full', [
      { id: 'ack', attempt: 1, status: 'ack' },
      { id: 'retry', attempt: 1, status: 'retry', delayMs: 1 },
      { id: 'release', attempt: 1, status: 'release' },
      { id: 'dead', attempt: 1, status: 'dead', reason: 'bad' },
    ]),
  ).toEqual([true, true, true, true]);
  expect(await store.redrive('full', { oldest: 1 })).toBe(1);
  await delay(5);
  const again = (await store.claim('full', request)).items.map(({ id }) => id);
  expect(again).toEqual(['release', 'dead', 'retry']);
  client.disconnect();
});

test('a prefix and a name with colons do not meet another prefix and name', async () => {
  const client = redis.createClient();
  const limits = { maxCount: 10, maxBytes: 1000 };
  const item = { id: 'a', payload: Buffer.from('x'), delayMs: 0 };

  await redisStore({ client, prefix: `${redis.prefix}shop` }).enqueue('eu:mails', [item], limits);

  const other = redisStore({ client, prefix: `${redis.prefix}shop:eu` });
  expect(await other.stats('mails')).toMatchObject({ ready: 0 });
});

test('refuses a cluster of which any master may evict keys', async () => {
  await using strict = await startRedisServer();
  await using evicting = await startRedisServer({
    settings: { 'maxmemory-policy': 'allkeys-lru' },
  });
  const masters = [new Redis(strict.url), new Redis(evicting.url)];
  const [first, second] = masters;
  // Like ioredis's Cluster, but calls without a key always go to the master that is set right.
  const client: RedisLike = {
    callBuffer: (command, ...args) => first!.callBuffer(command, ...args),
    nodes: () => masters,
  };
  const store = redisStore({ client });

  await expect(store.open()).rejects.toMatchObject({ code: 'STORE_EVICTS' });
  await second!.config('SET', 'maxmemory-policy', 'noeviction');
  await store.open();
  for (const master of masters) master.disconnect();
});

test('refuses a server that may evict keys', async () => {
  await using server = await startRedisServer({ settings: { 'maxmemory-policy': 'allkeys-lru' } });
  const client = new Redis(server.url);
  await using queue = createQueue<number>({
    name: 'q',
    store: redisStore({ client }),
    limits: { maxCount: 10, maxBytes: 1000 },
    overflow: 'reject',
  });

  await expect(queue.start()).rejects.toThrow(
    'maxmemory-policy must be noeviction, got allkeys-lru',
  );
  await expect(queue.add(1)).rejects.toMatchObject({ code: 'STORE_EVICTS', policy: 'allkeys-lru' });
  await client.config('SET', 'maxmemory-policy', 'noeviction');
  await queue.add(1);
  client.disconnect();
});

test.each([
  [undefined, 'options must be an object, got undefined'],
  [{}, 'client must be an object, got undefined'],
  [{ client: {} }, 'client.callBuffer must be a function, got undefined'],
  [
    { client: { callBuffer: async () => undefined }, prefix: 'a{b}' },
    'prefix must not hold braces, got "a{b}"',
  ],
  [
    { client: { callBuffer: async () => undefined }, prefix: 'a\ud800' },
    'prefix must not hold NUL or half of a surrogate pair, got "a\\ud800"',
  ],
])('refuses %o', (options, message) => {
  expect(() => redisStore(options as never)).toThrow(message);
});

test('is not open before the client takes commands', async () => {
  const client = new Redis(redis.url, { enableOfflineQueue: false });
  const store = redisStore({ client, prefix: redis.prefix });
  const ready = new Promise((resolve) => client.once('ready', resolve));

  await expect(store.open()).rejects.toMatchObject({ outcome: 'not-applied' });
  await ready;
  await store.open();
  client.disconnect();
});
