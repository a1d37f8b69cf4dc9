import { setTimeout as delay } from 'node:timers/promises';
import {
  createQueue,
  StoreFailedError,
  type QueueSettings,
  type QueueStore,
  type StoredQueue,
} from '@holdfast/sync-queue';
import { redisStore, type RedisLike } from '@holdfast/sync-queue/redis';
import { createTestRedis, type TestRedis } from '@holdfast/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { settleCalls } from '../../src/redis/settle-calls.ts';
import { shardOf } from '../../src/redis/shard-of.ts';
import { shareSettings } from '../../src/redis/share-settings.ts';
import { itemOf, SETTINGS, textOf } from '../conformance/kit.ts';

const SHARDS = 4;
let redis: TestRedis;

beforeAll(async () => {
  redis = await createTestRedis();
});
afterAll(() => redis.close());

let names = 0;
const newName = (): string => `q${(names += 1)}`;

function brokenQueueOf(client: RedisLike, name: string): StoredQueue {
  return storeOn(client).queue(name, SETTINGS);
}

async function queueOf(
  client: RedisLike,
  settings: Partial<QueueSettings> = {},
  name = newName(),
): Promise<StoredQueue> {
  const queue = storeOn(client).queue(name, { ...SETTINGS, ...settings });
  await queue.agree?.();
  return queue;
}

function storeOn(client: RedisLike): QueueStore {
  return redisStore({ client, prefix: redis.prefix, shards: SHARDS, random: () => 0 });
}

/** A key for each shard. */
function keysByShard(): string[] {
  const keys = Array.from({ length: 200 }, (_, index) => `k${index}`);
  return Array.from({ length: SHARDS }, (_, shard) =>
    keys.find((key) => shardOf(key, SHARDS) === shard)!,
  );
}

/** Fails whatever goes to one shard, as when its master is away. */
function withoutShard(client: RedisLike, shard: number): RedisLike {
  return {
    callBuffer(command, ...args) {
      const tag = shard === 0 ? `{${redis.prefix.length}:` : `{s${shard}:`;
      if (args.some((arg) => typeof arg === 'string' && arg.startsWith(tag))) {
        return Promise.reject(new Error('CLUSTERDOWN'));
      }
      return client.callBuffer(command, ...args);
    },
  };
}

describe('shares of the bounds', () => {
  test.each([1, 3, 4, 10, 1001])('of %i add up to it', (whole) => {
    const budget = { maxCount: whole, maxBytes: whole * 3 };
    const settings = { ...SETTINGS, limits: budget, dead: { ...SETTINGS.dead, ...budget } };
    const rate = { count: whole, perMs: 1000 };
    const shares = Array.from({ length: SHARDS }, (_, shard) =>
      shareSettings({ ...settings, rate }, shard, SHARDS),
    );

    const sum = (of: (share: QueueSettings) => number): number =>
      shares.reduce((total, share) => total + of(share), 0);
    expect(sum(({ limits }) => limits.maxCount)).toBe(whole);
    expect(sum(({ limits }) => limits.maxBytes)).toBe(whole * 3);
    expect(sum(({ dead }) => dead.maxCount)).toBe(whole);
    expect(sum(({ dead }) => dead.maxBytes)).toBe(whole * 3);
    expect(sum((share) => share.rate?.count ?? 0)).toBe(whole);
  });

  test('must leave room in each shard, and an item must fit into the smallest', () => {
    const store = redisStore({ client: redis.createClient(), shards: SHARDS });
    const limits = { maxCount: 100, maxBytes: 1003 };
    const create = (more: object) => () =>
      createQueue({ name: 'q', store, overflow: 'reject', limits, ...more });

    expect(create({ limits: { ...limits, maxCount: 3 } })).toThrow(
      'limits.maxCount must be at least 4, one for each shard, got 3',
    );
    expect(create({ limits: { ...limits, maxItemBytes: 251 } })).toThrow(
      'limits.maxItemBytes must be at most 250, the share of each of 4 shards in limits.maxBytes, got 251',
    );
    expect(create({ dead: { maxCount: 2 } })).toThrow('dead.maxCount');
    expect(create({ rate: { count: 1, perMs: 10 } })).toThrow('rate.count');
    expect(create({ limits: { ...limits, maxItemBytes: 250 } })).not.toThrow();
  });

  test('take the last item of no key wherever there is room', async () => {
    const queue = await queueOf(redis.createClient(), { limits: { maxCount: 10, maxBytes: 1000 } });
    const { verdicts, count } = await queue.enqueue(Array.from({ length: 12 }, () => itemOf('x')));

    expect(verdicts.map(({ status }) => status)).toEqual([
      ...Array.from({ length: 10 }, () => 'accepted'),
      ...['full', 'full'],
    ]);
    expect(count).toBe(10);
  });

  test('refuse an item whose shard is full although others are not', async () => {
    const queue = await queueOf(redis.createClient(), { limits: { maxCount: 8, maxBytes: 1000 } });
    const [key] = keysByShard();
    const { verdicts, count } = await queue.enqueue(
      ['a', 'b', 'c'].map((text) => itemOf({ text, key })),
    );

    expect(verdicts.map(({ status }) => status)).toEqual(['accepted', 'accepted', 'full']);
    expect(count).toBe(2);
  });
});

describe('a key', () => {
  test('keeps its order over many producers and consumers at a time', async () => {
    const client = redis.createClient();
    const name = newName();
    const keys = Array.from({ length: 12 }, (_, index) => `key ${index}`);
    const producing = keys.map(async (key) => {
      const queue = await queueOf(client, {}, name);
      for (let index = 0; index < 10; index += 1) {
        await queue.enqueue([itemOf({ text: `${index}`, key }), itemOf('other')]);
      }
    });
    const seen = new Map(keys.map((key) => [key, [] as string[]]));
    let done = 0;
    const consuming = Array.from({ length: 3 }, async () => {
      const queue = await queueOf(client, {}, name);
      while (done < 240) {
        const { items } = await queue.claim({ maxItems: 7, leaseMs: 60_000 });
        for (const item of items)
          if (item.key !== undefined) seen.get(item.key)!.push(textOf(item));
        await queue.settle(items.map(({ id, attempt }) => ({ id, attempt, status: 'ack' })));
        done += items.length;
        if (items.length === 0) await delay(1);
      }
    });
    await Promise.all([...producing, ...consuming]);

    const inOrder = Array.from({ length: 10 }, (_, index) => `${index}`);
    expect([...seen.values()]).toEqual(keys.map(() => inOrder));
  });

  test('decides where an item with an idempotency key lies: the pair is taken once', async () => {
    const queue = await queueOf(redis.createClient());
    const [one, other] = keysByShard();
    const add = async (key: string | undefined): Promise<string> =>
      (await queue.enqueue([itemOf({ text: 'a', key, idempotencyKey: 'i' })])).verdicts[0]!.status;

    expect(await add(one)).toBe('accepted');
    expect(await add(one)).toBe('duplicate');
    // The documented limit: another shard has not heard of it.
    expect(await add(other)).toBe('accepted');
  });
});

test('every shard is asked first in its turn, so none waits behind a full one', async () => {
  const queue = await queueOf(redis.createClient(), { keyConcurrency: 50 });
  const keys = keysByShard();
  for (let index = 0; index < 50; index += 1)
    await queue.enqueue([itemOf({ text: 'busy', key: `${keys[0]}` })]);
  await queue.enqueue(keys.slice(1).map((key) => itemOf({ text: key, key })));

  const first: string[] = [];
  for (let turn = 0; turn < SHARDS; turn += 1) {
    const { items } = await queue.claim({ maxItems: 1, leaseMs: 60_000 });
    first.push(...items.map(textOf));
  }
  expect(first.sort()).toEqual(['busy', ...keys.slice(1)].sort());
});

test('dead letters of all shards are paged oldest first, of one time each once', async () => {
  const queue = await queueOf(redis.createClient());
  const keys = keysByShard();
  const texts = Array.from({ length: 24 }, (_, index) => `${index}`);
  await queue.enqueue(
    texts.map((text, index) => itemOf({ text, key: `${keys[index % SHARDS]}` })),
    undefined,
  );
  for (let left = texts.length; left > 0;) {
    const { items } = await queue.claim({ maxItems: 24, leaseMs: 60_000 });
    await queue.settle(
      items.map(({ id, attempt }) => ({ id, attempt, status: 'dead', reason: 'bad' })),
    );
    left -= items.length;
  }

  const seen: { readonly text: string; readonly diedAtMs: number }[] = [];
  let after: string | undefined;
  do {
    const page = await queue.listDead({ limit: 5, after });
    seen.push(
      ...page.letters.map((letter) => ({ text: textOf(letter), diedAtMs: letter.diedAtMs })),
    );
    after = page.next;
  } while (after !== undefined);
  expect(seen.map(({ text }) => text).sort()).toEqual([...texts].sort());
  const times = seen.map(({ diedAtMs }) => diedAtMs);
  expect(times).toEqual([...times].sort((one, other) => one - other));
});

test('ids of no shard are held by nobody', async () => {
  const queue = await queueOf(redis.createClient());
  const ids = ['4-0000000000000000003', '-1-x', '01-0000000000000000003', '', '0-'];
  const leases = ids.map((id) => ({ id, attempt: 1 }));

  expect(await queue.extend(leases, 1000)).toEqual(ids.map(() => false));
  expect(await queue.settle(leases.map((lease) => ({ ...lease, status: 'ack' })))).toEqual(
    ids.map(() => 'stale'),
  );
  expect(await queue.purge(ids)).toBe(0);
});

describe('while one shard is away', () => {
  test('what the others give is delivered and settled, and the failure is told', async () => {
    const client = redis.createClient();
    const name = newName();
    const whole = await queueOf(client, {}, name);
    await whole.enqueue(keysByShard().map((key) => itemOf({ text: key, key })));
    const broken = brokenQueueOf(withoutShard(client, 2), name);

    const seen: string[] = [];
    let failures = 0;
    for (let turn = 0; turn < SHARDS; turn += 1) {
      try {
        const { items } = await broken.claim({ maxItems: 10, leaseMs: 60_000 });
        seen.push(...items.map(textOf));
        await broken.settle(items.map(({ id, attempt }) => ({ id, attempt, status: 'ack' })));
      } catch (error) {
        expect(error).toBeInstanceOf(StoreFailedError);
        failures += 1;
      }
    }
    expect(seen.sort()).toEqual(
      keysByShard()
        .filter((_, shard) => shard !== 2)
        .sort(),
    );
    expect(failures).toBeGreaterThan(0);
    expect((await whole.claim({ maxItems: 10, leaseMs: 60_000 })).items).toHaveLength(1);
  });

  test('a call that touches it leaves open what became of the rest, and others are added', async () => {
    const client = redis.createClient();
    const name = newName();
    await queueOf(client, {}, name);
    const broken = brokenQueueOf(withoutShard(client, 2), name);
    const [here, , away] = keysByShard();

    const both = [itemOf({ text: 'a', key: here }), itemOf({ text: 'b', key: away })];
    await expect(broken.enqueue(both)).rejects.toMatchObject({ outcome: 'unknown' });
    expect(await broken.enqueue([itemOf({ text: 'c', key: here })])).toMatchObject({ count: 2 });
  });

  test('a call that was applied nowhere is told so, and one that was applied in part is not', async () => {
    const refused = (): Promise<never> =>
      Promise.reject(new StoreFailedError('not-applied', new Error('away')));

    await expect(settleCalls([refused(), refused()])).rejects.toMatchObject({
      outcome: 'not-applied',
    });
    await expect(settleCalls([refused(), Promise.resolve(1)])).rejects.toMatchObject({
      outcome: 'unknown',
    });
    expect(await settleCalls([Promise.resolve(1), Promise.resolve(2)])).toEqual([1, 2]);
  });
});
