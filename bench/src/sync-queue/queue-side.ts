import { createQueue, type Delivery, type QueueStore } from '@holdfast/sync-queue';

/** One of the queues, as the benches drive it. */
export interface QueueSide {
  add(value: object): Promise<unknown>;
  addBulk(values: readonly object[]): Promise<unknown>;
  /** Works on `count` items one by one and resolves when all are acknowledged. */
  drainEach(count: number, concurrency: number): Promise<void>;
  /** The same by handlers of many, where there are such. */
  drainBatches(count: number): Promise<void>;
  /** Calls `onValue` for each item until it is ended. */
  consume(onValue: (value: object) => void): Promise<() => Promise<void>>;
  clear(): Promise<void>;
  close(): Promise<void>;
}

export interface Sides {
  readonly ours: QueueSide;
  readonly peer: QueueSide;
}

/** Ours, on whichever store. */
export async function openHoldfast(
  store: QueueStore,
  {
    maxBatch,
    clear,
    close,
  }: {
    readonly maxBatch: number;
    readonly clear: () => Promise<void>;
    readonly close: () => Promise<void>;
  },
): Promise<QueueSide> {
  const queue = createQueue<object>({
    ...{ name: 'bench', store, overflow: 'reject' },
    limits: { maxCount: 10_000_000, maxBytes: 2 ** 34 },
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
      const consumer = queue.consume(() => Promise.resolve(), { maxBatch, concurrency: 2 });
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
    clear,
    async close() {
      await queue.close();
      await close();
    },
  };
}
