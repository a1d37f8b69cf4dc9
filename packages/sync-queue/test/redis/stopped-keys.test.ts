import { redisStore } from '@holdfast/sync-queue/redis';
import { createTestRedis, type TestRedis } from '@holdfast/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ROOMY, stepOverStoppedKeys } from '../stopped-keys.ts';

let redis: TestRedis;

beforeAll(async () => {
  redis = await createTestRedis();
});
afterAll(() => redis.close());

test('a claim steps over so many items of stopped keys, and says that there may be more', async () => {
  const store = redisStore({ client: redis.createClient(), prefix: redis.prefix });

  const claims = await stepOverStoppedKeys(store.queue('q', ROOMY), 1000);

  expect(claims.map(({ isAll }) => isAll)).toEqual([false, false, true]);
});
