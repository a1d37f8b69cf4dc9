import type { Awaitable, PolicySnapshot } from '../policy.ts';
import type { CircuitBreaker } from '../circuit-breaker/contract.ts';

/**
 * What became of a write. `not-applied`: it was not, and it never will be. `unknown`: Redis took it and could not be
 * asked in time; once the guard is up again, nothing that is unknown can be applied any more.
 */
export type WriteOutcome = 'applied' | 'not-applied' | 'unknown';

/** `connecting`: never up so far. `down`: it was up, and is connecting again. */
export type RedisGuardState = 'connecting' | 'ready' | 'down' | 'closed';

export interface RedisGuardEvents {
  /** The connection was lost; `error` is why, or just that it was closed. */
  readonly down: { readonly error: unknown };
  /** Commands are sent again, and what was in flight has been settled; `downMs` is how long they were not. */
  readonly up: { readonly downMs: number };
  /** The outcome of a write to these keys could not be found out in time. */
  readonly unknown: { readonly keys: readonly string[] };
  /** So many keys, whose writes had failed or are unknown, have been deleted. */
  readonly invalidated: { readonly keys: number };
  /** Too many keys to remember: everything under the prefix will be deleted before it is read again. */
  readonly overflow: { readonly maxInvalidations: number };
  /** A loader failed, and `getOrLoad` gave the last value that this process has seen. */
  readonly stale: { readonly key: string; readonly error: unknown };
}

/**
 * Reads count keys: `reads = hits + misses + localHits + failedReads` once all have settled. Writes count calls:
 * `writes = applied + notApplied + unknown` once all have settled.
 */
export interface RedisGuardSnapshot extends PolicySnapshot {
  readonly kind: 'redis-guard';
  readonly state: RedisGuardState;
  readonly counters: Readonly<
    Record<
      | 'reads'
      | 'hits'
      | 'misses'
      | 'localHits'
      | 'failedReads'
      | 'writes'
      | 'applied'
      | 'notApplied'
      | 'unknown'
      | 'loads'
      | 'failedLoads'
      | 'staleLoads'
      | 'invalidated'
      | 'downs',
      number
    >
  >;
  readonly gauges: Readonly<Record<'inFlight' | 'invalidations' | 'localEntries', number>>;
}

/** A cache and counters on Redis that never hang: every call settles within `timeoutMs`, at once while Redis is down. */
export interface RedisGuard {
  readonly name: string;
  /** Around the commands that are sent; what cannot be sent, because there is no connection, does not count. */
  readonly breaker: CircuitBreaker;
  readonly state: RedisGuardState;
  /**
   * True as soon as commands can be sent; false when that is not so after `timeoutMs`, or the guard is closed. Calls do
   * not wait for it: before, they find no connection.
   */
  ready(): Promise<boolean>;
  /**
   * The value, or null. While Redis cannot answer: as `onDown` says.
   *
   * @throws with `onDown: 'throw'`; always when the key holds something else than text.
   */
  get(key: string): Promise<string | null>;
  /** As `get`, in the order of `keys`, with one command. */
  mget(keys: readonly string[]): Promise<(string | null)[]>;
  /**
   * Sets a value, for `ttlMs` milliseconds (at least 1) or for good.
   *
   * @throws {RedisUnavailableError | RedisWriteUnknownError} with `writes: 'throw'`.
   */
  set(key: string, value: string, ttlMs?: number): Promise<WriteOutcome>;
  /** Deletes values, at most 1 000 at once. Fails as `set` does. */
  del(...keys: string[]): Promise<WriteOutcome>;
  /** `incrBy(key, 1)`. */
  incr(key: string): Promise<number>;
  /**
   * Adds an integer to a counter and returns what it is now. It is sent once, by nobody twice. Counters are apart from
   * the values, at `<prefix>~count:<key>`: no invalidation deletes them, and `get`, `set` and `del` do not see them. To
   * read one, add 0.
   *
   * @throws {RedisUnavailableError} it was not applied and never will be; or the server's or the breaker's error, which
   *   mean the same.
   * @throws {RedisWriteUnknownError} it was sent, and could not be found out in time.
   */
  incrBy(key: string, by: number): Promise<number>;
  /**
   * The value, or what `load` gives, which is then set for `ttlMs` milliseconds (up to 10 % less, so that what was set
   * together does not expire together). Loads of one key in this process share one call. Never rejects because of
   * Redis. When `load` rejects, gives the last value that `local` holds: one that was not seen deleted, though its own
   * time may be over.
   */
  getOrLoad(key: string, ttlMs: number, load: () => Awaitable<string>): Promise<string>;
  /** Adds a listener and returns the function that removes it. A listener that throws changes no result. */
  on<K extends keyof RedisGuardEvents>(
    event: K,
    listener: (payload: RedisGuardEvents[K]) => void,
  ): () => void;
  snapshot(): RedisGuardSnapshot;
  /**
   * Lets calls in flight settle, and ends the guard's connection; the client that was given is not touched. Afterwards
   * calls settle as while Redis is down.
   */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}
