import { createQueue, type Consumer, type Delivery, type QueueStore } from '@holdfast/sync-queue';

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
  /** Closing the consumer waits for what is being settled; then all must be acknowledged. */
  const drain = async (
    count: number,
    consume: (onItems: (items: number) => void) => Consumer,
  ): Promise<void> => {
    const before = queue.snapshot().acked;
    let left = count;
    let end: () => void = () => undefined;
    const all = new Promise<void>((resolve) => (end = resolve));
    const consumer = consume((items) => {
      left -= items;
      if (left <= 0) end();
    });
    await all;
    await consumer.close();
    const done = queue.snapshot().acked - before;
    if (done !== count) throw new Error(`${done} of ${count} were acknowledged`);
  };
  return {
    add: (value) => queue.add(value),
    addBulk: (values) => queue.addMany(values),
    drainEach: (count, concurrency) =>
      drain(count, (onItems) => {
        const handler = async (): Promise<void> => {
          await Promise.resolve();
          onItems(1);
        };
        return queue.consumeEach(handler, { concurrency });
      }),
    drainBatches: (count) =>
      drain(count, (onItems) => {
        const handler = async (items: readonly unknown[]): Promise<void> => {
          await Promise.resolve();
          onItems(items.length);
        };
        return queue.consume(handler, { maxBatch, concurrency: 4 });
      }),
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
