import { setTimeout as delay } from 'node:timers/promises';
import { redisStore } from '@holdfast/sync-queue/redis';
import { createTestRedis, type TestRedis } from '@holdfast/testkit';
import { afterAll, beforeAll } from 'vitest';
import { describeStore } from '../conformance/index.ts';

let redis: TestRedis;

beforeAll(async () => {
  redis = await createTestRedis();
});
afterAll(() => redis.close());

describeStore('redis', async () => {
  const client = redis.createClient();
  return Promise.resolve({
    store: redisStore({ client, prefix: redis.prefix }),
    elapse: (ms) => delay(ms + 5),
    close: async () => {
      await client.quit();
    },
  });
});
