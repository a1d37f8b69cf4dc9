import type { Claim, QueueSettings, StoredQueue } from '@holdfast/sync-queue';
import { redisStore, type RedisLike } from '@holdfast/sync-queue/redis';
import { startRedisServer } from '@holdfast/testkit';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { keysOf, NEWS_INDEX } from '../../src/redis/keys.ts';
import { itemOf, LONG_MS, SETTINGS, textOf, type Spec } from '../conformance/kit.ts';

/*
 * Where the scripts spare a wake-up or a look: who is told of what, and when it is said that nothing more is there. What
 * they deliver is in the conformance tests.
 */

/** Of its own, since all scripts of a server are forgotten at a time. */
let server: Awaited<ReturnType<typeof startRedisServer>>;
let client: Redis;
let queues = 0;
const PREFIX = 'p';

beforeAll(async () => {
  server = await startRedisServer();
  client = new Redis(server.url);
});
afterAll(async () => {
  client.disconnect();
  await server[Symbol.asyncDispose]();
});

interface Opened {
  readonly queue: StoredQueue;
  readonly add: (specs: readonly (string | Spec)[], awaited?: number) => Promise<unknown>;
  readonly claim: (maxItems: number) => Promise<Claim>;
  /** Takes the tokens that lie there, and tells how many. */
  readonly tokens: () => Promise<number>;
}

function open(settings: Partial<QueueSettings> = {}, via: RedisLike = client): Opened {
  queues += 1;
  const place = { prefix: PREFIX, name: `short ${queues}`, shard: 0 };
  const queue = redisStore({ client: via, prefix: PREFIX }).queue(place.name, {
    ...SETTINGS,
    ...settings,
  });
  const news = keysOf(place)[NEWS_INDEX]!;
  return {
    queue,
    add: (specs, awaited) => queue.enqueue(specs.map(itemOf), undefined, awaited),
    claim: (maxItems) => queue.claim({ maxItems, leaseMs: LONG_MS }),
    async tokens() {
      const [[, count]] = (await client.multi().llen(news).del(news).exec()) as [[null, number]];
      return count;
    },
  };
}

describe('an add', () => {
  test.each([
    { specs: ['a'], awaited: undefined, tokens: 1 },
    { specs: ['a', 'b', 'c'], awaited: undefined, tokens: 1 },
    { specs: ['a'], awaited: 1, tokens: 0 },
    { specs: ['a', 'b'], awaited: 2, tokens: 0 },
    { specs: ['a', 'b', 'c'], awaited: 2, tokens: 1 },
    { specs: [{ text: 'a', delayMs: LONG_MS }], awaited: undefined, tokens: 1 },
  ])(
    'of $specs, of which $awaited are awaited, wakes $tokens',
    async ({ specs, awaited, tokens }) => {
      const { add, tokens: told } = open();
      await add(specs, awaited);
      expect(await told()).toBe(tokens);
    },
  );

  test('counts what it has taken alone', async () => {
    const { add, tokens } = open({ limits: { maxCount: 2, maxBytes: 100 } });
    const item = { text: 'a', idempotencyKey: 'i' };
    await add([item], 1);
    await add([item], 0);
    expect(await tokens()).toBe(0);
    await add(['b', 'c', 'd'], 1);
    expect(await tokens()).toBe(0);
    await add(['e'], 0);
    expect(await tokens()).toBe(0);
  });

  test('counts an item with a key, and one that takes the place of another', async () => {
    const { add, tokens } = open({
      limits: { maxCount: 2, maxBytes: 100 },
      overflow: { kind: 'evict', victims: 'oldest', to: 'drop' },
    });
    await add([{ text: 'a', key: 'k' }, 'b'], 1);
    expect(await tokens()).toBe(1);
    await add([{ text: 'c', priority: 0 }], 1);
    expect(await tokens()).toBe(0);
    await add([{ text: 'd', priority: 0 }], 0);
    expect(await tokens()).toBe(1);
  });

  test('that the server did not know comes behind the claim that awaits it, so others are told', async () => {
    const { add, tokens } = open();
    await add(['a'], 1);
    await client.script('FLUSH');
    expect(await tokens()).toBe(0);
    await add(['b'], 1);
    expect(await tokens()).toBe(1);
  });

  test('leaves no more tokens than can be of use', async () => {
    const { add, tokens } = open();
    for (let count = 0; count < 20; count += 1) await add(['a']);
    expect(await tokens()).toBe(16);
  });
});

describe('a claim', () => {
  const texts = (count: number): string[] => Array.from({ length: count }, (_, at) => `${at}`);

  test.each([
    { what: 'as many as there are', held: 3, claimed: 3, tokens: 0, isAll: false },
    { what: 'more than there are', held: 3, claimed: 4, tokens: 0, isAll: true },
    { what: 'one of two', held: 2, claimed: 1, tokens: 1, isAll: false },
    { what: 'a piece of a list', held: 33, claimed: 32, tokens: 1, isAll: false },
    { what: 'a list of one piece', held: 32, claimed: 32, tokens: 0, isAll: false },
    { what: 'a piece and one', held: 34, claimed: 33, tokens: 1, isAll: false },
    { what: 'two pieces', held: 64, claimed: 64, tokens: 0, isAll: false },
    { what: 'of nothing', held: 0, claimed: 1, tokens: 0, isAll: true },
  ])(
    'of $what wakes $tokens and says $isAll',
    async ({ held, claimed, tokens: expected, isAll }) => {
      const { add, claim, tokens } = open();
      if (held > 0) await add(texts(held));
      await tokens();

      const claimedNow = await claim(claimed);
      expect(claimedNow.items.map(textOf)).toEqual(texts(Math.min(held, claimed)));
      expect(claimedNow.isAll).toBe(isAll);
      expect(await tokens()).toBe(expected);
    },
  );

  test('wakes one for what is left in another list than the one that it took from', async () => {
    const { add, claim, tokens } = open({ agingMs: Infinity });
    await add(['a', 'b', { text: 'c', priority: 6 }]);
    await tokens();

    expect((await claim(2)).items.map(textOf)).toEqual(['a', 'b']);
    expect(await tokens()).toBe(1);
    expect((await claim(1)).items.map(textOf)).toEqual(['c']);
    expect(await tokens()).toBe(0);
  });

  test('wakes nobody for what a pause holds back', async () => {
    const { queue, add, claim, tokens } = open();
    await add(['a', { text: 'b', priority: 6 }]);
    await queue.setPaused({ kind: 'priority', priority: 6 }, true);
    await tokens();

    expect((await claim(1)).items.map(textOf)).toEqual(['a']);
    expect(await tokens()).toBe(0);
    await queue.setPaused({ kind: 'priority', priority: 6 }, false);
    expect(await tokens()).toBe(1);
  });

  test('does not say that it is all where a rate holds back what is ready', async () => {
    const { add, claim, tokens } = open({ rate: { count: 2, perMs: LONG_MS } });
    await add(['a', 'b', 'c']);
    await tokens();

    const first = await claim(3);
    expect(first.items.map(textOf)).toEqual(['a', 'b']);
    expect(first.isAll).toBe(false);
    expect(await claim(3)).toMatchObject({ items: [], isAll: false });
    expect(await tokens()).toBe(0);
  });
});

describe('a settlement', () => {
  test.each([
    { what: 'an acknowledgement', key: undefined, status: 'ack', tokens: 0 },
    { what: 'an acknowledgement of an item with a key', key: 'k', status: 'ack', tokens: 1 },
    { what: 'a release', key: undefined, status: 'release', tokens: 1 },
    { what: 'a retry', key: undefined, status: 'retry', delayMs: LONG_MS, tokens: 1 },
    { what: 'a death', key: undefined, status: 'dead', reason: 'bad', tokens: 1 },
  ])('$what wakes $tokens', async ({ key, tokens: expected, ...settlement }) => {
    const { queue, add, claim, tokens } = open();
    await add([{ text: 'a', key }], 1);
    const { items } = await claim(1);
    await queue.settle([{ ...items[0]!, ...settlement } as never]);
    expect(await tokens()).toBe(expected);
    // A stale one changes nothing.
    await queue.settle([{ ...items[0]!, ...settlement } as never]);
    expect(await tokens()).toBe(0);
  });
});

describe('calls of one process', () => {
  test('are in order on one connection', () => {
    expect(open().queue.isOrdered).toBe(true);
  });

  test('are not on a Cluster, which sends some of them again later, nor over many shards', () => {
    const cluster: RedisLike = {
      callBuffer: (command, ...args) => client.callBuffer(command, ...args),
      nodes: () => [client],
    };
    expect(open({}, cluster).queue.isOrdered).toBe(false);
    const sharded = redisStore({ client, prefix: PREFIX, shards: 2 });
    expect(sharded.queue('short', SETTINGS).isOrdered).toBeUndefined();
  });
});
