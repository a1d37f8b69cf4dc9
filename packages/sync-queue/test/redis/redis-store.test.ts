import { once } from 'node:events';
import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { inspect } from 'node:util';
import { createQueue, type QueueSettings, type StoredQueue } from '@holdfast/sync-queue';
import { redisStore, type RedisLike } from '@holdfast/sync-queue/redis';
import { createTestRedis, startRedisServer, type TestRedis } from '@holdfast/testkit';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CLAIM } from '../../src/redis/lua/claim.ts';
import { itemOf, SETTINGS, textOf } from '../conformance/kit.ts';

let redis: TestRedis;

beforeAll(async () => {
  redis = await createTestRedis();
});
afterAll(() => redis.close());

function queueOf(
  client: RedisLike,
  name: string,
  settings: Partial<QueueSettings> = {},
): StoredQueue {
  const store = redisStore({ client, prefix: redis.prefix });
  return store.queue(name, { ...SETTINGS, ...settings });
}

test('goes on after the server has forgotten its scripts', async () => {
  // Of its own: others would load them again.
  await using server = await startRedisServer();
  const client = new Redis(server.url);
  const queue = queueOf(client, 'forgetful');

  await queue.enqueue([itemOf('a')]);
  await client.script('FLUSH');
  expect(await client.script('EXISTS', createHash('sha1').update(CLAIM).digest('hex'))).toEqual([
    0,
  ]);

  const claim = await queue.claim({ maxItems: 1, leaseMs: 1000 });
  expect(claim.items.map(textOf)).toEqual(['a']);
  client.disconnect();
});

test('works on a node of a cluster, which refuses keys of different slots, whatever the name', async () => {
  await using server = await startRedisServer({ settings: { 'cluster-enabled': 'yes' } });
  const client = new Redis(server.url);
  await client.call('CLUSTER', 'ADDSLOTSRANGE', 0, 16383);
  while (!String(await client.call('CLUSTER', 'INFO')).includes('cluster_state:ok'))
    await delay(20);

  for (const name of ['plain', 'a}b{c}', '{}']) {
    const queue = queueOf(client, name);
    expect((await queue.enqueue([itemOf('a')])).verdicts).toMatchObject([{ status: 'accepted' }]);
    const { items } = await queue.claim({ maxItems: 1, leaseMs: 1000 });
    expect(items).toHaveLength(1);
    expect(await queue.settle([{ ...items[0]!, status: 'ack' }])).toEqual(['settled']);
  }
  await expect(client.mset('negative', 1, 'control', 2)).rejects.toThrow('CROSSSLOT');
  client.disconnect();
});

test('tells a refused call from one whose answer is lost', async () => {
  const client = redis.createClient();
  await client.set(`{${redis.prefix.length}:${redis.prefix}:broken}:items`, 'not a hash');
  const broken = queueOf(client, 'broken');
  await expect(broken.stats()).resolves.toBeDefined();

  await expect(broken.enqueue([itemOf('a')])).rejects.toMatchObject({
    code: 'STORE_FAILED',
    outcome: 'not-applied',
  });

  const impatient = redis.createClient({ commandTimeout: 50, maxRetriesPerRequest: 0 });
  await once(impatient, 'ready');
  await client.client('PAUSE', 300);
  await expect(queueOf(impatient, 'fine').enqueue([itemOf('a')])).rejects.toMatchObject({
    code: 'STORE_FAILED',
    outcome: 'unknown',
  });
});

test('settles, extends and redrives what it holds when the server has no memory left', async () => {
  await using server = await startRedisServer();
  const client = new Redis(server.url);
  const queue = queueOf(client, 'full');
  const request = { maxItems: 10, leaseMs: 150 };
  await queue.enqueue(
    ['ack', 'retry', 'release', 'dead'].map((text) => itemOf({ text, key: text })),
  );
  await client.config('SET', 'maxmemory', '1mb');

  await expect(queue.enqueue([itemOf('more')])).rejects.toMatchObject({
    outcome: 'not-applied',
    message: expect.stringContaining('OOM') as string,
  });
  const { items: claimed } = await queue.claim(request);
  expect(claimed).toHaveLength(4);
  expect(await queue.extend(claimed, 10_000)).toEqual([true, true, true, true]);
  await delay(200);
  expect((await queue.claim(request)).items).toEqual([]);
  const [ack, retry, release, dead] = claimed;
  expect(
    await queue.settle([
      { ...ack!, status: 'ack' },
      { ...retry!, status: 'retry', delayMs: 1 },
      { ...release!, status: 'release' },
      { ...dead!, status: 'dead', reason: 'bad' },
    ]),
  ).toEqual(['settled', 'settled', 'settled', 'settled']);
  expect(await queue.redrive([dead!.id])).toEqual({ redriven: 1, full: 0 });
  await delay(5);
  expect((await queue.claim(request)).items.map(textOf)).toEqual(['release', 'dead', 'retry']);
  client.disconnect();
});

test('a prefix and a name with colons do not meet another prefix and name', async () => {
  const client = redis.createClient();
  const one = redisStore({ client, prefix: `${redis.prefix}shop` }).queue('eu:mails', SETTINGS);
  await one.enqueue([itemOf('a')]);

  const other = redisStore({ client, prefix: `${redis.prefix}shop:eu` }).queue('mails', SETTINGS);
  expect(await other.stats()).toMatchObject({ ready: 0 });
});

test('leaves nothing behind of what was done', async () => {
  const client = redis.createClient();
  const queue = queueOf(client, 'traceless', {
    idempotency: { windowMs: 1, maxKeys: 10 },
    overflow: { kind: 'sample', above: 0, minPriority: 0, floor: 0 },
  });
  await queue.enqueue([
    itemOf({ text: 'a', key: 'k', idempotencyKey: 'i', coalesce: { key: 'c', mode: 'replace' } }),
    itemOf({ text: 'b', key: 'k', delayMs: 1 }),
  ]);
  await delay(5);
  for (let left = 2; left > 0;) {
    const { items } = await queue.claim({ maxItems: 10, leaseMs: 1000 });
    await queue.settle(items.map((item) => ({ ...item, status: 'ack' })));
    left -= items.length;
  }

  const keys = await client.keys(`*${redis.prefix}:traceless*`);
  expect(keys.map((key) => key.split('}:')[1]).sort()).toEqual([
    ...['known', 'knownUntil', 'news', 'state'],
  ]);
});

test.each(['fsync', { replicas: 1, timeoutMs: 50 }] as const)(
  'durability %j is confirmed by the server',
  async (durability) => {
    await using server = await startRedisServer({
      settings: { appendonly: 'yes', appendfsync: 'always' },
    });
    const client = new Redis(server.url);
    const store = redisStore({ client, durability });
    await store.open();
    const adding = store.queue('durable', SETTINGS).enqueue([itemOf('a')]);

    if (durability === 'fsync') {
      expect(await adding).toMatchObject({ count: 1 });
    } else {
      await expect(adding).rejects.toMatchObject({
        outcome: 'unknown',
        message: expect.stringContaining('not on 1 replica within 50 ms') as string,
      });
    }
    client.disconnect();
  },
);

test('refuses to promise fsync on a server that has no append-only file, or does not sync it', async () => {
  await using server = await startRedisServer();
  const client = new Redis(server.url);
  const store = redisStore({ client, durability: 'fsync' });

  await expect(store.open()).rejects.toMatchObject({
    code: 'STORE_NOT_DURABLE',
    message: expect.stringContaining('appendonly is off') as string,
  });
  client.disconnect();
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

test('a failure shows neither the password nor what was sent, however deep it is looked into', async () => {
  await using server = await startRedisServer();
  const admin = new Redis(server.url);
  await admin.config('SET', 'maxmemory', '1');
  await admin.config('SET', 'requirepass', 'right');
  const { host } = new URL(server.url);
  const wrong = new Redis(`redis://:wr0ng@${host}`, { retryStrategy: () => null });
  wrong.on('error', () => undefined);
  const right = new Redis(`redis://:right@${host}`);
  const shown = (failure: unknown): string => inspect(failure, { depth: 10, showHidden: true });

  const login: unknown = await redisStore({ client: wrong })
    .open()
    .catch((error: unknown) => error);
  expect(login).toMatchObject({ code: 'STORE_FAILED' });
  expect(shown(login)).not.toContain('wr0ng');

  const queue = redisStore({ client: right }).queue('q', SETTINGS);
  const add: unknown = await queue
    .enqueue([itemOf({ text: 'payload', key: 'k3y' })])
    .catch((error: unknown) => error);
  expect(shown(add)).toContain('OOM');
  expect(shown(add)).not.toContain('k3y');
  for (const client of [admin, wrong, right]) client.disconnect();
});
