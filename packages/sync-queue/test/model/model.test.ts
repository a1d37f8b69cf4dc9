import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { memoryStore } from '@holdfast/sync-queue';
import { postgresStore } from '@holdfast/sync-queue/postgres';
import { redisStore } from '@holdfast/sync-queue/redis';
import { sqliteStore } from '@holdfast/sync-queue/sqlite';
import { createFakeClock, createTestDatabase, createTestRedis } from '@holdfast/testkit';
import type { CreateFixture } from '../conformance/kit.ts';
import { checkLedger, checkModel } from './check-model.ts';

const inMemory: CreateFixture = () => {
  const clock = createFakeClock();
  const store = memoryStore({ clock });
  return Promise.resolve({
    store,
    elapse: (ms: number) => clock.advance(ms),
    close: () => Promise.resolve(),
  });
};

checkModel('memory', inMemory, { small: 400, full: 20_000 });
checkLedger(inMemory);

checkModel(
  'sqlite',
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'sync-queue-'));
    const clock = createFakeClock();
    return Promise.resolve({
      store: sqliteStore({ path: join(folder, 'q.db'), clock, synchronous: 'NORMAL' }),
      elapse: (ms: number) => clock.advance(ms),
      close: async () => {
        rmSync(folder, { recursive: true });
        return Promise.resolve();
      },
    });
  },
  { small: 40, full: 10_000 },
);

const onRedis = (shards: number): CreateFixture => {
  return async () => {
    const redis = await createTestRedis();
    const client = redis.createClient();
    return {
      store: redisStore({ client, prefix: redis.prefix, shards }),
      elapse: (ms: number) => delay(ms + 1),
      close: () => redis.close(),
    };
  };
};

checkModel('redis', onRedis(1), { small: 40, full: 10_000, atATime: 16 });
checkModel('redis, 4 shards', onRedis(4), { small: 40, full: 10_000, atATime: 16 });

checkModel(
  'postgres',
  async () => {
    const database = await createTestDatabase();
    return {
      store: postgresStore({ pool: database.pool }),
      elapse: (ms: number) => delay(ms + 1),
      close: () => database.close(),
    };
  },
  { small: 15, full: 2_000, atATime: 8 },
);
