import {
  requireInteger,
  requireObject,
  requireOptions,
  systemClock,
  type Clock,
  type OptionNames,
} from '@holdfast/internal';
import type { CacheEntry, CacheStore } from './cache-store.ts';

export interface MemoryCacheStoreOptions {
  /** So many entries are kept, at least 1; then the one that was not read or written for longest goes. */
  readonly maxEntries: number;
  readonly clock?: Clock | undefined;
}

export interface MemoryCacheStore extends CacheStore {
  /** Entries held, those included that are past their time and not looked at since. */
  readonly size: number;
  get(key: string): CacheEntry | undefined;
  set(key: string, entry: CacheEntry, ttlMs: number): void;
  delete(key: string): void;
}

const NAMES: OptionNames<MemoryCacheStoreOptions> = {
  maxEntries: true,
  clock: true,
};

/**
 * A store in this process, bounded, O(1), without timers. Values are kept as they are, not copied.
 *
 * @throws {TypeError | RangeError} when an option is wrong.
 */
export function memoryCacheStore(options: MemoryCacheStoreOptions): MemoryCacheStore {
  requireOptions('memoryCacheStore', options, NAMES);
  const maxEntries = requireInteger('maxEntries', options.maxEntries, { min: 1 });
  const clock = requireObject('clock', options.clock ?? systemClock);
  // A Map keeps the order of insertion: an entry that is used is taken out and put in again.
  const kept = new Map<string, { readonly entry: CacheEntry; readonly untilMs: number }>();

  return {
    get size() {
      return kept.size;
    },
    get(key) {
      const found = kept.get(key);
      if (found === undefined) return undefined;
      kept.delete(key);
      if (clock.now() >= found.untilMs) return undefined;
      kept.set(key, found);
      return found.entry;
    },
    set(key, entry, ttlMs) {
      kept.delete(key);
      kept.set(key, { entry, untilMs: clock.now() + ttlMs });
      if (kept.size <= maxEntries) return;
      const [oldest = key] = kept.keys();
      kept.delete(oldest);
    },
    delete: (key) => void kept.delete(key),
  };
}
