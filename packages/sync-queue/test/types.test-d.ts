import {
  createQueue,
  isHoldfastError,
  isPriority,
  memoryStore,
  type Added,
  type Consumer,
  type DeadLetter,
  type Delivery,
  type ErrorsByCode,
  type Priority,
  type Queue,
  type QueueStore,
  type Verdict,
} from '@holdfast/sync-queue';
import { redisStore, type RedisLike } from '@holdfast/sync-queue/redis';
import { sqliteStore } from '@holdfast/sync-queue/sqlite';
import type { Cluster, Redis } from 'ioredis';
import { expectTypeOf } from 'vitest';
import { redriveTimeouts } from '../examples/redrive-timeouts.ts';

interface Job {
  readonly n: number;
}

const limits = { maxCount: 1, maxBytes: 1 };
const queue = createQueue<Job>({ name: 'q', store: memoryStore(), limits, overflow: 'reject' });

expectTypeOf(queue).toEqualTypeOf<Queue<Job>>();
expectTypeOf(queue.add({ n: 1 })).resolves.toEqualTypeOf<Added>();
expectTypeOf(queue.addMany([{ n: 1 }])).resolves.toEqualTypeOf<Verdict[]>();
expectTypeOf(queue.dead.list()).resolves.toExtend<{
  readonly letters: readonly DeadLetter<Job>[];
}>();
const consumer = queue.consume(async (batch) => {
  expectTypeOf(batch).toEqualTypeOf<readonly Delivery<Job>[]>();
  return Promise.resolve(batch.map(({ id }) => ({ id, status: 'ack' as const })));
});
expectTypeOf(consumer).toExtend<Consumer>();

expectTypeOf<Redis>().toExtend<RedisLike>();
expectTypeOf<Cluster>().toExtend<RedisLike>();
expectTypeOf(redisStore).returns.toEqualTypeOf<QueueStore>();
expectTypeOf(sqliteStore).returns.toEqualTypeOf<QueueStore>();

declare const level: number;
if (isPriority(level)) expectTypeOf(level).toEqualTypeOf<Priority>();

declare const caught: unknown;
if (isHoldfastError(caught, 'QUEUE_FULL')) {
  expectTypeOf(caught.limit).toEqualTypeOf<
    'maxCount' | 'maxBytes' | 'maxPendingAdds' | 'spill' | undefined
  >();
}
if (isHoldfastError(caught, 'STORE_FAILED')) {
  expectTypeOf(caught.outcome).toEqualTypeOf<'not-applied' | 'unknown'>();
}
if (isHoldfastError(caught)) expectTypeOf(caught.code).toEqualTypeOf<string>();
// Each code stands for the error that has it.
type CodesOf = { readonly [C in keyof ErrorsByCode]: ErrorsByCode[C]['code'] };
expectTypeOf<CodesOf>().toEqualTypeOf<{ readonly [C in keyof ErrorsByCode]: C }>();

// What works on dead letters alone takes a queue of anything.
expectTypeOf(queue).toExtend<Parameters<typeof redriveTimeouts>[0]>();
expectTypeOf(redriveTimeouts).toBeCallableWith(queue, {
  signal: new AbortController().signal,
  log: () => undefined,
});

// @ts-expect-error limits have no default
createQueue<Job>({ name: 'q', store: memoryStore(), overflow: 'reject' });
// @ts-expect-error overflow has no default
createQueue<Job>({ name: 'q', store: memoryStore(), limits });
// @ts-expect-error an outcome needs a known status
queue.consume(async ([delivery]) => [{ id: delivery.id, status: 'done' }]);
// @ts-expect-error no such value
void queue.add({ m: 1 });
