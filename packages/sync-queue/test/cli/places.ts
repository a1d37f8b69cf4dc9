import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createQueue, type Queue, type QueueOptions, type QueueStore } from '@holdfast/sync-queue';
import { postgresStore } from '@holdfast/sync-queue/postgres';
import { redisStore } from '@holdfast/sync-queue/redis';
import { sqliteStore } from '@holdfast/sync-queue/sqlite';
import { createTestDatabase, createTestRedis } from '@holdfast/testkit';

/** A store, and how the command is told of it. */
export interface Place {
  readonly store: QueueStore;
  readonly flags: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** For the version of its schema. */
  readonly schemaVersion: number | null;
  close(): Promise<void>;
}

export async function postgresPlace(): Promise<Place> {
  const database = await createTestDatabase();
  return {
    store: postgresStore({ pool: database.pool, schema: 'queues' }),
    flags: ['--schema', 'queues'],
    env: { DATABASE_URL: database.url },
    schemaVersion: 2,
    close: () => database.close(),
  };
}

export async function redisPlace(): Promise<Place> {
  const redis = await createTestRedis();
  return {
    store: redisStore({ client: redis.createClient(), prefix: redis.prefix }),
    flags: ['--prefix', redis.prefix],
    env: { HOLDFAST_QUEUE_URL: redis.url },
    schemaVersion: null,
    close: () => redis.close(),
  };
}

export async function sqlitePlace(): Promise<Place> {
  const folder = mkdtempSync(join(tmpdir(), 'sync-queue-cli-'));
  const path = join(folder, 'q.db');
  const encryptionKey = randomBytes(16).toString('hex');
  return Promise.resolve({
    store: sqliteStore({ path, encryptionKey }),
    flags: ['--url', path],
    env: { HOLDFAST_QUEUE_KEY: encryptionKey },
    schemaVersion: 2,
    async close() {
      await Promise.resolve();
      rmSync(folder, { recursive: true });
    },
  });
}

export function openQueue(
  store: QueueStore,
  name: string,
  options: Partial<QueueOptions<unknown>> = {},
): Queue<unknown> {
  const limits = { maxCount: 10, maxBytes: 1024 };
  return createQueue<unknown>({ name, store, limits, overflow: 'reject', ...options });
}

/** Adds values and buries them, each with itself in its reason. */
export async function bury(queue: Queue<unknown>, ...values: readonly unknown[]): Promise<void> {
  const before = queue.snapshot().dead;
  for (const value of values) await queue.add(value, { key: `key ${String(value)}`, priority: 1 });
  const consumer = queue.consume(async (batch) =>
    batch.map(({ id, value }) => ({ id, status: 'dead', reason: `because of ${String(value)}` })),
  );
  while (queue.snapshot().dead < before + values.length) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  await consumer.close();
}
