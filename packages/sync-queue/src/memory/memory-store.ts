import { requireOptions, systemClock, type Clock } from '@holdfast/internal';
import type { QueueStore } from '../store.ts';
import { MemoryQueue } from './memory-queue.ts';

export interface MemoryStoreOptions {
  readonly clock?: Clock | undefined;
}

/**
 * A store in this process: for tests and for work that may be lost with the process. The settings of a queue are those
 * of its first use.
 *
 * @throws {TypeError} when an option is wrong.
 */
export function memoryStore(options: MemoryStoreOptions = {}): QueueStore {
  const { clock = systemClock } = requireOptions('memoryStore', options, { clock: true });
  const queues = new Map<string, MemoryQueue>();
  return {
    open: () => Promise.resolve(),
    close: () => Promise.resolve(),
    queue(name, settings) {
      const known = queues.get(name);
      if (known !== undefined) return known;
      const created = new MemoryQueue(clock, settings);
      queues.set(name, created);
      return created;
    },
  };
}
