import type { Awaitable } from '../policy.ts';

/** What is kept for a key. Plain JSON when the value is: a store may serialise it. */
export interface CacheEntry {
  readonly value: unknown;
  /** Milliseconds since the Unix epoch. */
  readonly storedAtMs: number;
}

/** Where values are kept: in memory, or shared. Synchronous or asynchronous. */
export interface CacheStore {
  /** What `set` was given for this key; `undefined` or `null` when there is nothing. */
  get(key: string): Awaitable<unknown>;
  /** `ttlMs`: after so many milliseconds the entry is of no use. */
  set(key: string, entry: CacheEntry, ttlMs: number): Awaitable<unknown>;
  delete?(key: string): Awaitable<unknown>;
}

export function isCacheEntry(value: unknown): value is CacheEntry {
  if (typeof value !== 'object' || value === null || !('value' in value)) return false;
  return 'storedAtMs' in value && Number.isFinite(value.storedAtMs);
}
