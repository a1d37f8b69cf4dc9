import { redisStore } from '@holdfast/sync-queue/redis';
import { Queue, Worker, type ConnectionOptions } from 'bullmq';
import { Redis } from 'ioredis';
import { openHoldfast, type QueueSide } from './queue-side.ts';

export function openOnRedis(url: string): Promise<QueueSide> {
  const client = new Redis(url);
  return openHoldfast(redisStore({ client }), {
    maxBatch: 100,
    async clear() {
      const keys = await client.keys('{10:sync-queue:bench}:*');
      if (keys.length > 0) await client.del(...keys);
    },
    async close() {
      await client.quit();
    },
  });
}

/** BullMQ at its best settings: what is done is removed, and there is no stream of events. */
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
