import { createQueue, type Queue } from '@holdfast/sync-queue';
import { redisStore, type RedisLike } from '@holdfast/sync-queue/redis';
import { createTestRedis, type TestRedis } from '@holdfast/testkit';
import { afterAll, beforeAll } from 'vitest';
import { stateKey } from '../../src/redis/keys.ts';
import { shardOf } from '../../src/redis/shard-of.ts';

export type BeforeCall = (args: readonly unknown[]) => void | Promise<void>;

export interface ProcessOptions {
  readonly client?: RedisLike;
  readonly idempotency?: { readonly windowMs: number };
  readonly rate?: { readonly count: number; readonly perMs: number };
}

export interface AgreementFixture {
  readonly redis: TestRedis;
  /** A queue as a process of its own has it that is set up for so many shards. */
  readonly processWith: (shards: number, name: string, options?: ProcessOptions) => Queue<string>;
  /** Calls `before` ahead of each command, which can hold it up or stop it. */
  readonly stoppable: (before: BeforeCall) => RedisLike;
  /** What each shard of a queue has written down. */
  readonly written: (name: string, shards: number) => Promise<(string | null)[]>;
}

/** On a Redis server, for all tests of the file that calls it. */
export function useAgreement(): AgreementFixture {
  let redis: TestRedis;
  beforeAll(async () => {
    redis = await createTestRedis();
  });
  afterAll(() => redis.close());
  return {
    get redis() {
      return redis;
    },
    processWith: (shards, name, options) => queueOfProcess(redis, { shards, name, ...options }),
    stoppable: (before) => stoppableClient(redis.createClient(), before),
    written: (name, shards) => writtenShards(redis, { name, shards }),
  };
}

function queueOfProcess(
  redis: TestRedis,
  {
    shards,
    name,
    client = redis.createClient(),
    ...more
  }: ProcessOptions & { readonly shards: number; readonly name: string },
): Queue<string> {
  const store = redisStore({ client, prefix: redis.prefix, shards });
  const limits = { maxCount: 100, maxBytes: 10_000 };
  return createQueue({ name, store, limits, overflow: 'reject', ...more });
}

function stoppableClient(client: RedisLike, before: BeforeCall): RedisLike {
  return {
    async callBuffer(command, ...args) {
      await before([command, ...args]);
      return client.callBuffer(command, ...args);
    },
  };
}

/** Whether it writes `text` as the number of a shard. */
export function isAdopting(args: readonly unknown[], text: string): boolean {
  return String(args[0]).startsWith('EVAL') && args.at(-1) === text;
}

async function writtenShards(
  redis: TestRedis,
  { name, shards }: { readonly name: string; readonly shards: number },
): Promise<(string | null)[]> {
  const client = redis.createClient();
  const keys = Array.from({ length: shards }, (_, shard) =>
    stateKey({ prefix: redis.prefix, name, shard }),
  );
  return Promise.all(keys.map((key) => client.hget(key, 'sh')));
}

/** One that lies there. */
export function keyOf(shard: number, shards: number): string {
  const keys = Array.from({ length: 200 }, (_, index) => `k${index}`);
  return keys.find((key) => shardOf(key, shards) === shard)!;
}
