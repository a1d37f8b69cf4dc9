import type { Consumer, Outcome, Queue } from '@holdfast/sync-queue';

interface Order {
  readonly id: string;
  readonly total: number;
}

/** Stores orders one by one: each item of a batch gets its own outcome. */
export function storeOrders(
  queue: Queue<Order>,
  store: (order: Order, signal: AbortSignal) => Promise<void>,
): Consumer {
  return queue.consume(
    async (batch, { signal }) => {
      const outcomes: Outcome[] = [];
      for (const { id, value } of batch) {
        // Another consumer may have the items now; what is not in the array is not acknowledged.
        if (signal.aborted) break;
        if (value.total < 0) {
          outcomes.push({ id, status: 'dead', reason: 'the total is negative' });
          continue;
        }
        await store(value, signal);
        outcomes.push({ id, status: 'ack' });
      }
      return outcomes;
    },
    { maxBatch: 50, concurrency: 2 },
  );
}
