import {
  createQueue,
  type Queue,
  type QueueEvents,
  type QueueOptions,
  type QueueStore,
  type StoredQueue,
} from '@holdfast/sync-queue';
import { createFakeClock, type FakeClock } from '@holdfast/testkit';
import { SETTINGS } from './conformance/kit.ts';
import { createFlakyStore, type FlakyStore } from './flaky-store.ts';

export interface Bench {
  readonly clock: FakeClock;
  readonly store: FlakyStore;
  readonly queue: Queue<string>;
  /** Every event as `[name, payload]`. */
  readonly events: [string, unknown][];
}

const EVENTS: (keyof QueueEvents)[] = [
  ...(['full', 'evicted', 'dead', 'leaseLost', 'staleSettle', 'storeError'] as const),
  ...(['pressureRaised', 'pressureCleared'] as const),
];

/** The queue of `setUp` as its store has it. */
export function storedQueue(store: QueueStore): StoredQueue {
  return store.queue('q', SETTINGS);
}

/** A queue of texts over a memory store, on a fake clock. */
export function setUp(options: Partial<QueueOptions<string>> = {}): Bench {
  const clock = createFakeClock();
  const store = createFlakyStore(clock);
  const queue = createQueue<string>({
    name: 'q',
    store,
    limits: { maxCount: 100, maxBytes: 10_000 },
    overflow: 'reject',
    leaseMs: 900,
    retry: { baseMs: 100, jitter: 'none' },
    clock,
    random: () => 1,
    ...options,
  });
  const events: [string, unknown][] = [];
  for (const name of EVENTS) queue.on(name, (payload) => void events.push([name, payload]));
  return { clock, store, queue, events };
}
