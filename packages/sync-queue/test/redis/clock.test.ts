import type { Claim, QueueSettings, StoredQueue } from '@holdfast/sync-queue';
import { redisStore, type RedisLike } from '@holdfast/sync-queue/redis';
import { createTestRedis, type TestRedis } from '@holdfast/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { stateKey } from '../../src/redis/keys.ts';
import { itemOf, LONG_MS, SETTINGS, textOf } from '../conformance/kit.ts';

/*
 * The clock of the server may be set back, and the replica that takes over may be behind.
 */

let redis: TestRedis;

beforeAll(async () => {
  redis = await createTestRedis();
});
afterAll(() => redis.close());

const HOUR_MS = 3_600_000;

/** A queue on a server whose clock shows what `clock` says. */
function openAt(clock: { nowMs: number }, name: string, settings: Partial<QueueSettings> = {}) {
  const client = redis.createClient();
  const onItsClock: RedisLike = {
    callBuffer(command, ...args) {
      // The store sends the text instead, in which the time can be told.
      if (command === 'EVALSHA') return Promise.reject(new Error('NOSCRIPT'));
      const text = String(args[0]);
      expect(text).toContain("call('TIME')");
      const time = `{ '${Math.floor(clock.nowMs / 1000)}', '${(clock.nowMs % 1000) * 1000}' }`;
      return client.callBuffer(command, text.replace("call('TIME')", time), ...args.slice(1));
    },
  };
  const store = redisStore({ client: onItsClock, prefix: redis.prefix });
  return store.queue(name, { ...SETTINGS, ...settings });
}

const claim = (queue: StoredQueue, maxItems = 10): Promise<Claim> =>
  queue.claim({ maxItems, leaseMs: LONG_MS });

/** Claims and acknowledges until nothing is left. */
async function drain(queue: StoredQueue): Promise<string[]> {
  const texts: string[] = [];
  for (;;) {
    const { items } = await claim(queue);
    if (items.length === 0) return texts;
    texts.push(...items.map(textOf));
    await queue.settle(items.map((item) => ({ ...item, status: 'ack' })));
  }
}

const keyed = (text: string) => itemOf({ text, key: 'k' });

test('items of a key stay in their order when the clock is set back', async () => {
  const clock = { nowMs: 1_800_000_000_000 };
  const queue = openAt(clock, 'back');
  await queue.enqueue([keyed('1'), keyed('2')]);
  clock.nowMs -= HOUR_MS;
  await queue.enqueue([keyed('3')]);
  clock.nowMs += 2 * HOUR_MS;
  await queue.enqueue([keyed('4')]);

  expect(await drain(queue)).toEqual(['1', '2', '3', '4']);
});

test('items of a key stay in their order when the sequence begins anew in one millisecond', async () => {
  const queue = openAt({ nowMs: 1_800_000_000_000 }, 'anew');
  const client = redis.createClient();
  await queue.enqueue([keyed('1')]);
  await client.hset(stateKey({ prefix: redis.prefix, name: 'anew', shard: 0 }), 'seq', 0xff_ff_fd);
  await queue.enqueue(['2', '3', '4', '5'].map(keyed));

  expect(await drain(queue)).toEqual(['1', '2', '3', '4', '5']);
});

test('a rate goes on when the clock is set back', async () => {
  const clock = { nowMs: 1_800_000_000_000 };
  const queue = openAt(clock, 'rate', { rate: { count: 2, perMs: 1000 } });
  await queue.enqueue(['1', '2', '3'].map(itemOf));
  expect((await claim(queue)).items).toHaveLength(2);
  clock.nowMs -= HOUR_MS;

  expect(await claim(queue)).toMatchObject({ items: [], nextInMs: 500 });
  clock.nowMs += 500;
  expect((await claim(queue)).items.map(textOf)).toEqual(['3']);
});
