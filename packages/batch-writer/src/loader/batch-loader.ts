import type { Clock, Random } from '@holdfast/internal';

/** What tells one key from another: `1n`, `1` and `'1'` are three. */
export type CacheKey = string | number | bigint | boolean;

/**
 * What a load has found. A map holds the keys that are there; an array has one place a key, in their order. `undefined` and
 * `null` say that a key is absent, an `Error` that this key alone failed.
 */
export type LoadResult<K, V> =
  ReadonlyMap<K, V | Error | undefined | null> | readonly (V | Error | undefined | null)[];

export interface BatchLoaderOptions<K, V> {
  /**
   * One question for many distinct keys. What it throws rejects exactly those who wait for these keys. `signal` aborts when
   * nobody waits any more, at `loadTimeoutMs` and when the loader is closed.
   */
  readonly load: (keys: readonly K[], signal: AbortSignal) => Promise<LoadResult<K, V>>;
  /** Makes the keys that `load` did not find, and resolves with those that are there now. */
  readonly createMissing?:
    ((keys: readonly K[], signal: AbortSignal) => Promise<LoadResult<K, V>>) | undefined;
  /** What a key is cached under. Default: the key itself, which must not be an object then. */
  readonly keyOf?: ((key: K) => CacheKey) | undefined;
  /** Keys in a load at most. Default 1000. */
  readonly maxBatch?: number | undefined;
  /** How long a key waits for others before it is loaded, milliseconds. Default 1. */
  readonly lingerMs?: number | undefined;
  /** Loads at a time. Default 2. */
  readonly concurrency?: number | undefined;
  /** Keys that wait for a load to start at most; one more rejects with `LOADER_OVERLOADED`. Default 100 000. */
  readonly maxPending?: number | undefined;
  /** A load, `createMissing` included, that has not ended by then fails with `LOAD_TIMEOUT`, milliseconds. Default 30 000. */
  readonly loadTimeoutMs?: number | undefined;
  /** How long a value is fresh, milliseconds from the start of its load; 0: never; `Infinity`: for good. Default 60 000. */
  readonly ttlMs?: number | undefined;
  /** Up to this share of `ttlMs` and `negativeTtlMs` is taken off at random, so that entries do not expire together. Default 0.1. */
  readonly ttlJitter?: number | undefined;
  /** How long it is known that a key is absent, milliseconds; 0: never. Default 5000. */
  readonly negativeTtlMs?: number | undefined;
  /** Entries held at most; one that was not used of late goes, about the least recently used. Default 100 000. */
  readonly maxEntries?: number | undefined;
  /** The share of `maxEntries` that absent keys may take, so that a flood of unknown keys evicts no more. Default 0.1. */
  readonly maxNegativeShare?: number | undefined;
  /** For so long after `ttlMs` a value is still given by `get`, while it is loaded again. Default 0. */
  readonly staleWhileRevalidateMs?: number | undefined;
  /** For so long after `ttlMs` a value is still given when it cannot be loaded again. Default 0. */
  readonly staleIfErrorMs?: number | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: Random | undefined;
}

/** Counters since creation and gauges, as plain JSON. */
export interface LoaderSnapshot {
  readonly state: 'open' | 'closing' | 'closed';
  /** Answers from the cache; `negativeHits` said that the key is absent, `staleHits` were given while it was loaded again. */
  readonly hits: number;
  readonly negativeHits: number;
  readonly staleHits: number;
  /** Stale values that were given because a load failed. */
  readonly staleIfErrorHits: number;
  /** Keys that `get` and `getMany` did not find in the cache; `joined` of them were on their way already. */
  readonly misses: number;
  readonly joined: number;
  /** Keys that were refused with `LOADER_OVERLOADED`. */
  readonly refused: number;
  readonly loads: number;
  readonly loadedKeys: number;
  readonly keysPerLoad: number;
  /** Keys that failed. */
  readonly failedKeys: number;
  readonly evictions: number;
  readonly entries: number;
  readonly negativeEntries: number;
  readonly pendingKeys: number;
  readonly runningLoads: number;
}

/** A load has ended. */
export interface LoadedEvent {
  readonly keys: number;
  readonly found: number;
  readonly absent: number;
  readonly failed: number;
  readonly durationMs: number;
}

/** A load or `createMissing` has failed; `keys` are those that failed with it. */
export interface LoadFailedEvent<K> {
  readonly keys: readonly K[];
  readonly error: unknown;
}

export interface LoaderEvents<K> {
  readonly loaded: LoadedEvent;
  readonly loadFailed: LoadFailedEvent<K>;
}

export interface LoaderWaitOptions {
  /** Ends this wait alone, with its reason; a load that nobody waits for any more is aborted. */
  readonly signal?: AbortSignal | undefined;
}

export interface BatchLoader<K, V, Events extends LoaderEvents<K> = LoaderEvents<K>> {
  /**
   * Resolves with the value, `undefined` when the key is absent. A value that was loaded before the last `invalidate`, `clear`
   * or `prime` that preceded this call is never given; one that happens during the call may go unnoticed by it.
   *
   * Rejects with what `load` threw for the key, `LOAD_RESULT_INVALID`, `LOAD_TIMEOUT`, `LOADER_OVERLOADED`, `LOADER_CLOSED`,
   * `KEY_INVALID` or `signal.reason`.
   */
  get(key: K, options?: LoaderWaitOptions): Promise<V | undefined>;
  /**
   * The fresh value, at once and without a promise; `undefined` when the key is known to be absent, `null` when nothing fresh
   * is known. Loads nothing. The clock is read once for up to 32 calls in one synchronous run.
   *
   * @throws {KeyInvalidError}
   */
  peek(key: K): V | undefined | null;
  /** Resolves with the values of the keys that are there. Rejects as `get` does, with the first failure. */
  getMany(keys: Iterable<K>, options?: LoaderWaitOptions): Promise<Map<K, V>>;
  /** Caches a value as if it had been loaded now; a load on its way cannot overwrite it. @throws {TypeError} for null or undefined. */
  prime(key: K, value: V): void;
  /** Forgets a key. A load of it that has started is not cached, and nobody who asks from now on gets its value. */
  invalidate(key: K): void;
  /** Forgets all keys, as `invalidate` does for one. */
  clear(): void;
  /** Adds a listener and returns the function that removes it. */
  on<E extends keyof Events>(event: E, listener: (payload: Events[E]) => void): () => void;
  snapshot(): LoaderSnapshot;
  /** Rejects all who wait with `LOADER_CLOSED`, aborts the loads and resolves when none runs any more. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}
