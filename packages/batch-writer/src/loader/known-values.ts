import type { CacheKey } from './batch-loader.ts';
import { EntryCache, type Entry } from './entry-cache.ts';
import { freshnessOf, type FreshnessRule } from './freshness.ts';

export interface KnownValuesOptions extends FreshnessRule {
  readonly maxEntries: number;
  readonly maxNegativeShare: number;
}

/** What is known of keys, for as long as it may be used. Expires by age whenever it is read. */
export class KnownValues<V> {
  readonly #rule: FreshnessRule;
  readonly #cache: EntryCache<V>;

  constructor(options: KnownValuesOptions) {
    this.#rule = options;
    this.#cache = new EntryCache(options.maxEntries, options.maxNegativeShare);
  }

  get gauges(): { evictions: number; entries: number; negativeEntries: number } {
    const { evictions, size, absentSize } = this.#cache;
    return { evictions, entries: size, negativeEntries: absentSize };
  }

  fresh(id: CacheKey, nowMs: number): Entry<V> | undefined {
    const entry = this.#cache.find(id);
    if (entry === undefined || nowMs >= entry.freshUntilMs) return undefined;
    this.#cache.use(entry);
    return entry;
  }

  /** Fresh, or stale within `staleWhileRevalidateMs`. */
  usable(id: CacheKey, nowMs: number): Entry<V> | undefined {
    const entry = this.#cache.find(id);
    if (entry === undefined) return undefined;
    if (nowMs < entry.staleUntilMs) {
      this.#cache.use(entry);
      return entry;
    }
    if (nowMs >= entry.onErrorUntilMs) this.#cache.delete(id);
    return undefined;
  }

  /** What may be given when a load has failed. */
  onError(id: CacheKey, nowMs: number): Entry<V> | undefined {
    const entry = this.#cache.find(id);
    return entry !== undefined && nowMs < Math.max(entry.freshUntilMs, entry.onErrorUntilMs)
      ? entry
      : undefined;
  }

  store(id: CacheKey, value: V | undefined, at: { startedMs: number; nowMs: number }): void {
    const kind = value === undefined ? 'absent' : 'known';
    const freshness = freshnessOf(kind, at.startedMs, this.#rule);
    this.#cache.delete(id);
    const { staleUntilMs, onErrorUntilMs } = freshness;
    if (at.nowMs >= staleUntilMs && at.nowMs >= onErrorUntilMs) return;
    this.#cache.set(id, value, freshness);
  }

  forget(id: CacheKey): void {
    this.#cache.delete(id);
  }

  clear(): void {
    this.#cache.clear();
  }
}
