/** The five packages never import each other: here it is shown that they fit by shape. */
import type { Guard as WriterGuard } from '@holdfast/batch-writer';
import { circuitBreaker, pipeline, retry, timeout } from '@holdfast/circuit-breaker';
import type { Transaction } from '@holdfast/locks';
import { updateVersioned } from '@holdfast/locks';
import type { Guard as QueueGuard, Queue } from '@holdfast/sync-queue';
import { redisStore } from '@holdfast/sync-queue/redis';
import { Redis } from 'ioredis';
import { Pool } from 'pg';
import { expectTypeOf } from 'vitest';
import type { MessageSink, QueuedMessage } from '../src/system/intake.ts';
import type { Ingest, Outcome } from '../src/system/ingest.ts';

// A policy, or a pipeline of them, guards writers and queues.
const policy = pipeline(retry(), circuitBreaker(), timeout({ ms: 1_000 }));
expectTypeOf(policy).toExtend<WriterGuard>();
expectTypeOf(policy).toExtend<QueueGuard>();

// A queue takes what the intake gives, and its consumer what the ingest answers.
expectTypeOf<Queue<QueuedMessage>>().toExtend<MessageSink>();
expectTypeOf<Ingest['handle']>().toExtend<Parameters<Queue<QueuedMessage>['consume']>[0]>();
expectTypeOf<Outcome['status']>().toEqualTypeOf<'ack' | 'retry' | 'dead'>();

// An optimistic update runs on a pool and inside a lock; the drivers fit the stores.
const change = { table: 'zones', id: 1, expected: 1, set: { mode: 'idle' } };
void updateVersioned(new Pool(), change);
void updateVersioned({} as Transaction, change);
void redisStore({ client: new Redis() });
