import type { Claim } from '@holdfast/sync-queue';
import { redisStore } from '@holdfast/sync-queue/redis';
import { createTestRedis, type TestRedis } from '@holdfast/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { itemOf, LONG_MS, SETTINGS, textOf } from '../conformance/kit.ts';

let redis: TestRedis;

beforeAll(async () => {
  redis = await createTestRedis();
});
afterAll(() => redis.close());

/** More than one call steps over. */
const KEYS = 2500;

test('a claim steps over so many items of stopped keys, and the next one goes on where it stopped', async () => {
  const store = redisStore({ client: redis.createClient(), prefix: redis.prefix });
  const queue = store.queue('q', {
    ...SETTINGS,
    limits: { maxCount: 10_000, maxBytes: 1_000_000 },
  });
  const keys = Array.from({ length: KEYS }, (_, index) => `k${index}`);
  for (let start = 0; start < KEYS; start += 250) {
    const some = keys.slice(start, start + 250);
    await queue.enqueue(some.map((key) => itemOf({ text: `1 of ${key}`, key })));
    await queue.enqueue(some.map((key) => itemOf({ text: `2 of ${key}`, key })));
  }
  await Promise.all(keys.map((key) => queue.setPaused({ kind: 'key', key }, true)));
  await queue.enqueue([itemOf('free'), itemOf({ text: 'late', priority: 7 })]);

  const claims: Claim[] = [];
  const waiting: number[] = [];
  do {
    claims.push(await queue.claim({ maxItems: 10, leaseMs: LONG_MS }));
    waiting.push((await queue.stats()).waiting - KEYS);
  } while (claims.at(-1)!.items.length === 0);

  expect(waiting).toEqual([1000, 2000, 2500]);
  expect(claims.map(({ isAll, nextInMs }) => [isAll, nextInMs === 0])).toEqual([
    [false, true],
    [false, true],
    [true, false],
  ]);
  expect(claims.at(-1)!.items.map(textOf)).toEqual(['free', 'late']);

  await queue.setPaused({ kind: 'key', key: 'k7' }, false);
  const [first] = (await queue.claim({ maxItems: 10, leaseMs: LONG_MS })).items;
  expect(textOf(first!)).toBe('1 of k7');
  await queue.settle([{ ...first!, status: 'ack' }]);
  const [second] = (await queue.claim({ maxItems: 10, leaseMs: LONG_MS })).items;
  expect(textOf(second!)).toBe('2 of k7');
});
