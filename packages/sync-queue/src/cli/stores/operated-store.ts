import { OperatorError, printable } from '@holdfast/cli-kit';
import { settingsOfText } from '../../recorded-settings.ts';
import type { QueueSettings, StoredQueue } from '../../store.ts';

/** A store as an operator finds it: nothing of it is made, migrated or configured. */
export interface OperatedStore {
  /** What and where it is, without credentials. */
  readonly label: string;
  /** Null: it has none. */
  readonly schemaVersion: number | null;
  /** In the order of their names. */
  names(): Promise<readonly string[]>;
  /** What a queue has written down of its settings; null when it has not; undefined when there is no such queue. */
  recorded(name: string): Promise<string | null | undefined>;
  queue(name: string, settings: QueueSettings): StoredQueue;
}

export interface OperatedQueue {
  readonly name: string;
  readonly store: OperatedStore;
  readonly settings: QueueSettings;
  readonly stored: StoredQueue;
}

/** @throws {OperatorError} when there is no such queue, or nobody knows its settings. */
export async function findQueue(store: OperatedStore, name: string): Promise<OperatedQueue> {
  const text = await store.recorded(name);
  const shown = printable(name);
  if (text === undefined) {
    throw new OperatorError(`there is no queue ${shown} in ${store.label}`);
  }
  if (text === null) {
    throw new OperatorError(
      `the queue ${shown} has not told its settings: call start() on it once with this version of the package`,
    );
  }
  const settings = settingsOfText(text);
  return { name, store, settings, stored: store.queue(name, settings) };
}
