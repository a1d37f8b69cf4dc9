import { requireInteger } from '@holdfast/internal';
import type { Codec, DeadLetter, DeadLetters } from './queue.ts';
import { requireStorableText } from './require-storable-text.ts';
import {
  MAX_ITEMS_PER_CALL,
  type DeadSelection,
  type QueueStore,
  type StoredDead,
} from './store.ts';

export interface DeadLettersContext {
  readonly run: <R>(call: (store: QueueStore) => Promise<R>) => Promise<R>;
  readonly onRedriven: () => void;
  readonly onPurged: () => void;
}

/** The dead letters of one queue. */
export function createDeadLetters<T>(
  queue: string,
  codec: Codec<T>,
  { run, onRedriven, onPurged }: DeadLettersContext,
): DeadLetters<T> {
  /** In calls of bounded size; without ids as many as there are now, so that those that die again meanwhile stay. */
  const forEach = async (
    ids: readonly string[] | undefined,
    apply: (store: QueueStore, selection: DeadSelection) => Promise<number>,
  ): Promise<number> => {
    ids?.forEach((id, index) => requireStorableText(`ids[${index}]`, id));
    const total = ids?.length ?? (await run((store) => store.stats(queue))).dead;
    let changed = 0;
    for (let start = 0; start < total; start += MAX_ITEMS_PER_CALL) {
      const end = Math.min(total, start + MAX_ITEMS_PER_CALL);
      const selection =
        ids === undefined ? { oldest: end - start } : { ids: ids.slice(start, end) };
      changed += await run((store) => apply(store, selection));
    }
    return changed;
  };

  return {
    async list({ limit } = {}) {
      const most = requireInteger('limit', limit ?? 100, { min: 1, max: 1000 });
      const found = await run((store) => store.listDead(queue, most));
      return found.map((dead) => toDeadLetter(dead, codec));
    },
    async redrive({ ids } = {}) {
      const count = await forEach(ids, (store, selection) => store.redrive(queue, selection));
      if (count > 0) onRedriven();
      return count;
    },
    async purge({ ids } = {}) {
      const count = await forEach(ids, (store, selection) => store.purge(queue, selection));
      if (count > 0) onPurged();
      return count;
    },
  };
}

function toDeadLetter<T>(dead: StoredDead, codec: Codec<T>): DeadLetter<T> {
  const { id, attempt, reason, payload, enqueuedAtMs, diedAtMs } = dead;
  return { id, attempt, reason, payload, value: tryDecode(payload, codec), enqueuedAtMs, diedAtMs };
}

function tryDecode<T>(payload: Uint8Array, codec: Codec<T>): T | undefined {
  try {
    return codec.decode(payload);
  } catch {
    return undefined;
  }
}
