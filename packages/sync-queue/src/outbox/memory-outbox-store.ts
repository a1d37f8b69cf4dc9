import { MemoryRows } from './memory-rows.ts';
import { OutboxInUseError } from './outbox-errors.ts';
import type { OutboxRows, OutboxStore } from './outbox-store.ts';

/** A store for tests and for what need not outlive the process. It keeps its units while it is closed. */
export function memoryOutboxStore(): OutboxStore {
  const rows = new MemoryRows();
  let isOpen = false;

  const run = <T>(work: (rows: OutboxRows) => T): Promise<T> => {
    rows.begin();
    try {
      return Promise.resolve(work(rows));
    } catch (error) {
      rows.undo();
      return Promise.reject(error);
    }
  };

  return {
    label: 'the memory store',
    async open() {
      if (isOpen) throw new OutboxInUseError('the memory store');
      isOpen = true;
      return Promise.resolve();
    },
    async close() {
      isOpen = false;
      return Promise.resolve();
    },
    write: run,
    read: run,
  };
}
