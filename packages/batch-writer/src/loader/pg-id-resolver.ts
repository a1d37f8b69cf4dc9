import { createListeners, systemClock, systemRandom, type Listeners } from '@holdfast/internal';
import type {
  BatchLoader,
  LoaderEvents,
  LoaderSnapshot,
  LoaderWaitOptions,
} from './batch-loader.ts';
import { createBatchLoader } from './create-batch-loader.ts';
import { KeyListener } from './key-listener.ts';
import { idKeyRule } from './pg-id-key.ts';
import { resolvePgIdOptions, type PgIdResolverOptions } from './pg-id-options.ts';
import { PgIdSource, type PgId } from './pg-id-source.ts';

/** The connection that listens was lost, and everything was forgotten; or another could not be had. It is tried again. */
export interface ListenLostEvent {
  readonly error: unknown;
  /** Failures since it last listened; 0: it did until now. */
  readonly attempt: number;
}

export interface PgIdResolverEvents<K> extends LoaderEvents<K> {
  /** Changes are heard from now on; what was cached before was forgotten. */
  readonly listening: { readonly channel: string };
  readonly listenLost: ListenLostEvent;
}

export interface PgIdResolver<K extends string | number | bigint> extends BatchLoader<
  K,
  PgId,
  PgIdResolverEvents<K>
> {
  snapshot(): LoaderSnapshot & { readonly isListening: boolean };
}

/**
 * Creates a loader of ids by key: `SELECT key, id FROM table WHERE key = ANY($1)`. With `create` keys that are not there are
 * inserted by a statement of its own, sorted, with ON CONFLICT DO NOTHING, and what others inserted meanwhile is then read by
 * a new one: each key gets one id, and a sequence loses at most one value a missing key and process.
 *
 * A key that does not fit its type rejects alone with `KEY_INVALID`, one that is not there although it was inserted with
 * `KEY_NOT_CREATED`, one with two rows or an id that is no integer with `LOAD_RESULT_INVALID`.
 * Where an option does not fit the table every key rejects with `TABLE_MISMATCH`, which names the option.
 *
 * @throws {TypeError | RangeError} when an option is unknown, missing or out of range.
 */
export function pgIdResolver<K extends string | number | bigint>(
  options: PgIdResolverOptions<K>,
): PgIdResolver<K> {
  return new Resolver(options);
}

class Resolver<K extends string | number | bigint> implements PgIdResolver<K> {
  readonly #loader: BatchLoader<K, PgId>;
  readonly #listener: KeyListener | undefined;
  readonly #listeners: Listeners<PgIdResolverEvents<K>> = createListeners({
    ...{ loaded: true, loadFailed: true, listening: true, listenLost: true },
  });

  constructor(options: PgIdResolverOptions<K>) {
    const { pool, keyType, statements, isCreating, listenChannel, cache } =
      resolvePgIdOptions(options);
    const rule = idKeyRule(keyType);
    const clock = cache.clock ?? systemClock;
    const timeoutMs = cache.loadTimeoutMs ?? DEFAULT_TIMEOUT_MS;
    const source = new PgIdSource<K>({ pool, clock, timeoutMs, statements, rule });
    this.#loader = createBatchLoader<K, PgId>({
      ...cache,
      loadTimeoutMs: timeoutMs,
      keyOf: rule.identityOf,
      load: (keys, signal) => source.load(keys, signal),
      createMissing: isCreating ? (keys, signal) => source.create(keys, signal) : undefined,
    });
    this.#loader.on('loaded', (payload) => this.#listeners.emit('loaded', payload));
    this.#loader.on('loadFailed', (payload) => this.#listeners.emit('loadFailed', payload));
    if (listenChannel === undefined) return;
    this.#listener = new KeyListener({
      pool,
      channel: listenChannel,
      clock,
      random: cache.random ?? systemRandom,
      onKey: (payload) => this.#onKey(payload),
      onListening: () => {
        // What was read before may have changed unheard.
        this.#loader.clear();
        this.#listeners.emit('listening', { channel: listenChannel });
      },
      onLost: (error, attempt) => {
        // What it missed is unknown; what was read after it was lost grows as old as `ttlMs` at most.
        if (attempt === 0) this.#loader.clear();
        this.#listeners.emit('listenLost', { error, attempt });
      },
    });
  }

  peek(key: K): PgId | undefined | null {
    return this.#loader.peek(key);
  }

  get(key: K, options?: LoaderWaitOptions): Promise<PgId | undefined> {
    this.#listener?.start();
    return this.#loader.get(key, options);
  }

  getMany(keys: Iterable<K>, options?: LoaderWaitOptions): Promise<Map<K, PgId>> {
    this.#listener?.start();
    return this.#loader.getMany(keys, options);
  }

  prime(key: K, value: PgId): void {
    this.#loader.prime(key, value);
  }

  invalidate(key: K): void {
    this.#loader.invalidate(key);
  }

  clear(): void {
    this.#loader.clear();
  }

  on<E extends keyof PgIdResolverEvents<K>>(
    event: E,
    listener: (payload: PgIdResolverEvents<K>[E]) => void,
  ): () => void {
    return this.#listeners.on(event, listener);
  }

  snapshot(): LoaderSnapshot & { readonly isListening: boolean } {
    return { ...this.#loader.snapshot(), isListening: this.#listener?.isListening ?? false };
  }

  async close(): Promise<void> {
    await Promise.all([this.#listener?.close(), this.#loader.close()]);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #onKey(payload: string): void {
    if (payload === '') {
      this.#loader.clear();
      return;
    }
    try {
      // The text of a key is a key of its type.
      this.#loader.invalidate(payload as K);
    } catch {
      // Not a key, so nobody knows what has changed.
      this.#loader.clear();
    }
  }
}

const DEFAULT_TIMEOUT_MS = 30_000;
