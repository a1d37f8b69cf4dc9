import type { StoreStats } from '../store.ts';
import { shownSettings, type ShownSettings } from './shown-settings.ts';
import { findQueue, type OperatedStore } from './stores/operated-store.ts';

export interface InspectedQueue {
  readonly queue: string;
  readonly store: string;
  readonly schemaVersion: number | null;
  readonly settings: ShownSettings;
  readonly stats: StoreStats;
}

export async function inspectQueue(store: OperatedStore, name: string): Promise<InspectedQueue> {
  const { settings, stored } = await findQueue(store, name);
  const { label, schemaVersion } = store;
  const shown = shownSettings(settings);
  return { queue: name, store: label, schemaVersion, settings: shown, stats: await stored.stats() };
}

export interface ListedQueue {
  readonly queue: string;
  /** Null: it has not told its settings. */
  readonly stats: StoreStats | null;
}

/** One after another, so that a server with many queues is not asked for all at once. */
export async function listQueues(store: OperatedStore): Promise<ListedQueue[]> {
  const listed: ListedQueue[] = [];
  for (const queue of await store.names()) {
    const isRecorded = typeof (await store.recorded(queue)) === 'string';
    const stats = isRecorded ? await (await findQueue(store, queue)).stored.stats() : null;
    listed.push({ queue, stats });
  }
  return listed;
}
