import { createQueue, type Delivery } from '@holdfast/sync-queue';
import { redisStore } from '@holdfast/sync-queue/redis';
import { Queue, Worker, type ConnectionOptions } from 'bullmq';
import { Redis } from 'ioredis';

/** One of the two queues, as the bench drives it. */
export interface QueueSide {
  add(value: object): Promise<unknown>;
  addBulk(values: readonly object[]): Promise<unknown>;
  /** Works on `count` items one by one and resolves when all are acknowledged. */
  drainEach(count: number, concurrency: number): Promise<void>;
  /** The same by handlers of 100, where there are such. */
  drainBatches(count: number): Promise<void>;
  /** Calls `onValue` for each item until it is ended. */
  consume(onValue: (value: object) => void): Promise<() => Promise<void>>;
  clear(): Promise<void>;
  close(): Promise<void>;
}

export async function openHoldfast(url: string): Promise<QueueSide> {
  const client = new Redis(url);
  const queue = createQueue<object>({
    name: 'bench',
    store: redisStore({ client }),
    limits: { maxCount: 10_000_000, maxBytes: 2 ** 34 },
    overflow: 'reject',
  });
  await queue.start();
  const acknowledged = async (count: number): Promise<void> => {
    const target = queue.snapshot().acked + count;
    while (queue.snapshot().acked < target) await new Promise((done) => setImmediate(done));
  };
  return {
    add: (value) => queue.add(value),
    addBulk: (values) => queue.addMany(values),
    async drainEach(count, concurrency) {
      const done = acknowledged(count);
      const consumer = queue.consumeEach(() => Promise.resolve(), { concurrency });
      await done;
      await consumer.close();
    },
    async drainBatches(count) {
      const done = acknowledged(count);
      const consumer = queue.consume(() => Promise.resolve(), { maxBatch: 100, concurrency: 2 });
      await done;
      await consumer.close();
    },
    consume(onValue) {
      const handler = ({ value }: Delivery<object>): Promise<void> => {
        onValue(value);
        return Promise.resolve();
      };
      const consumer = queue.consumeEach(handler, { concurrency: 32 });
      return Promise.resolve(() => consumer.close());
    },
    async clear() {
      const keys = await client.keys('{10:sync-queue:bench}:*');
      if (keys.length > 0) await client.del(...keys);
    },
    async close() {
      await queue.close();
      client.disconnect();
    },
  };
}

export async function openBullMq(url: string): Promise<QueueSide> {
  const { hostname: host, port } = new URL(url);
  const connection: ConnectionOptions = { host, port: Number(port), maxRetriesPerRequest: null };
  const queue = new Queue('bench', {
    connection,
    streams: { events: { maxLen: 0 } },
    defaultJobOptions: { removeOnComplete: true, removeOnFail: true },
  });
  await queue.waitUntilReady();
  const drainEach = async (count: number, concurrency: number): Promise<void> => {
    const worker = new Worker('bench', () => Promise.resolve(), { connection, concurrency });
    let completed = 0;
    await new Promise<void>((resolve) => {
      worker.on('completed', () => {
        completed += 1;
        if (completed === count) resolve();
      });
    });
    await worker.close();
  };
  return {
    add: (value) => queue.add('job', value),
    addBulk: (values) => queue.addBulk(values.map((data) => ({ name: 'job', data }))),
    drainEach,
    drainBatches: (count) => drainEach(count, 32),
    async consume(onValue) {
      const handler = ({ data }: { readonly data: object }): Promise<void> => {
        onValue(data);
        return Promise.resolve();
      };
      const worker = new Worker('bench', handler, { connection, concurrency: 32 });
      await worker.waitUntilReady();
      return () => worker.close();
    },
    clear: () => queue.obliterate({ force: true }),
    close: () => queue.close(),
  };
}
