import type { ClaimedItem, NewItem, QueueSettings, StoredQueue } from '@holdfast/sync-queue';
import { postgresStore } from '@holdfast/sync-queue/postgres';
import type { Pool } from 'pg';

/** As a queue with the defaults asks its store. */
const SETTINGS: QueueSettings = {
  limits: { maxCount: 10_000_000, maxBytes: 10_000_000_000 },
  dead: { maxCount: 10_000, maxBytes: 100_000_000, whenFull: 'keep', retentionMs: Infinity },
  maxTries: 10,
  agingMs: 30_000,
  keyConcurrency: 1,
  onPoison: 'advance',
  idempotency: { windowMs: 60_000, maxKeys: 10_000 },
  rate: undefined,
  overflow: { kind: 'refuse' },
};

const PAYLOAD = Buffer.alloc(100, 'x');
export const BATCH = 200;

export async function openQueue(pool: Pool, name: string): Promise<StoredQueue> {
  const store = postgresStore({ pool });
  await store.open();
  return store.queue(name, SETTINGS);
}

export async function fill(
  queue: StoredQueue,
  count: number,
  keyOf: (index: number) => string | undefined = () => undefined,
): Promise<void> {
  for (let added = 0; added < count; added += BATCH) {
    const items = Array.from({ length: Math.min(BATCH, count - added) }, (_, index): NewItem => {
      return { payload: PAYLOAD, priority: 3, delayMs: 0, draw: 0, key: keyOf(added + index) };
    });
    await queue.enqueue(items);
  }
}

export async function acknowledge(
  queue: StoredQueue,
  items: readonly ClaimedItem[],
): Promise<void> {
  await queue.settle(items.map(({ id, attempt }) => ({ id, attempt, status: 'ack' })));
}
