import {
  createDeferred,
  createListeners,
  onAbort,
  throwIfAborted,
  type Listeners,
} from '@holdfast/internal';
import type {
  BatchLoader,
  BatchLoaderOptions,
  LoaderEvents,
  LoaderSnapshot,
  LoaderWaitOptions,
} from './batch-loader.ts';
import { CollectedValues } from './collected-values.ts';
import type { Entry } from './entry-cache.ts';
import type { Flight } from './flight.ts';
import { KnownValues } from './known-values.ts';
import { LoaderClosedError } from './loader-errors.ts';
import { resolveLoaderOptions, type ResolvedLoaderOptions } from './loader-options.ts';
import { createLoaderTally, type LoaderTally } from './loader-tally.ts';
import { Loads } from './loads.ts';
import { TurnClock } from './turn-clock.ts';

/**
 * Creates a loader: a bounded cache in front of one question for many keys, in which a key is on its way at most once.
 *
 * @throws {TypeError | RangeError} when an option is unknown, missing or out of range.
 */
export function createBatchLoader<K, V>(options: BatchLoaderOptions<K, V>): BatchLoader<K, V> {
  return new Loader(resolveLoaderOptions(options));
}

class Loader<K, V> implements BatchLoader<K, V> {
  readonly #options: ResolvedLoaderOptions<K, V>;
  readonly #tally: LoaderTally = createLoaderTally();
  readonly #known: KnownValues<V>;
  readonly #loads: Loads<K, V>;
  readonly #turn: TurnClock;
  readonly #listeners: Listeners<LoaderEvents<K>> = createListeners({
    loaded: true,
    loadFailed: true,
  });
  #state: LoaderSnapshot['state'] = 'open';
  #closed: Promise<void> | undefined;

  constructor(options: ResolvedLoaderOptions<K, V>) {
    this.#options = options;
    this.#known = new KnownValues(options);
    this.#turn = new TurnClock(options.clock);
    this.#loads = new Loads(options, {
      known: this.#known,
      tally: this.#tally,
      emit: this.#listeners.emit,
    });
  }

  peek(key: K): V | undefined | null {
    const entry = this.#known.fresh(this.#options.keyOf(key), this.#turn.now());
    if (entry === undefined) return null;
    this.#countHit(entry);
    return entry.value;
  }

  // Not async: a hit costs one promise.
  get(key: K, options?: LoaderWaitOptions): Promise<V | undefined> {
    try {
      const signal = options?.signal;
      this.#requireUse(signal);
      const id = this.#options.keyOf(key);
      const nowMs = this.#options.clock.now();
      const entry = this.#known.usable(id, nowMs);
      if (entry !== undefined) return Promise.resolve(this.#give(entry, key, nowMs));
      const flight = this.#loads.join(id, key);
      return signal === undefined ? flight.share() : this.#wait(flight, signal);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async getMany(keys: Iterable<K>, { signal }: LoaderWaitOptions = {}): Promise<Map<K, V>> {
    this.#requireUse(signal);
    const collected = new CollectedValues<K, V>();
    const off = onAbort(signal, (reason) => collected.reject(reason));
    try {
      const nowMs = this.#options.clock.now();
      for (const key of keys) {
        const id = this.#options.keyOf(key);
        if (!collected.want(key, id)) continue;
        const entry = this.#known.usable(id, nowMs);
        if (entry === undefined) collected.join(this.#loads.join(id, key));
        else collected.put(id, this.#give(entry, key, nowMs));
      }
      return await collected.values();
    } catch (error) {
      collected.leave((flight) => this.#loads.onLeft(flight, error));
      throw error;
    } finally {
      off();
    }
  }

  prime(key: K, value: V): void {
    if ((value as V | null | undefined) === undefined || (value as V | null) === null) {
      throw new TypeError('the value to prime must be neither null nor undefined');
    }
    const id = this.#options.keyOf(key);
    if (this.#state !== 'open') return;
    this.#loads.outdate(id);
    const nowMs = this.#options.clock.now();
    this.#known.store(id, value, { startedMs: nowMs, nowMs });
  }

  invalidate(key: K): void {
    const id = this.#options.keyOf(key);
    this.#loads.outdate(id);
    this.#known.forget(id);
  }

  clear(): void {
    this.#loads.outdateAll();
    this.#known.clear();
  }

  on<E extends keyof LoaderEvents<K>>(
    event: E,
    listener: (payload: LoaderEvents<K>[E]) => void,
  ): () => void {
    return this.#listeners.on(event, listener);
  }

  snapshot(): LoaderSnapshot {
    const { loads, loadedKeys } = this.#tally;
    return {
      state: this.#state,
      ...this.#tally,
      keysPerLoad: loads === 0 ? 0 : loadedKeys / loads,
      ...this.#known.gauges,
      ...this.#loads.gauges,
    };
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#state = 'closing';
    this.#loads.stop(new LoaderClosedError());
    this.#known.clear();
    await this.#loads.idle();
    this.#state = 'closed';
  }

  async #wait(flight: Flight<K, V>, signal: AbortSignal): Promise<V | undefined> {
    const waiter = createDeferred<V | undefined>();
    flight.add(waiter);
    const off = onAbort(signal, (reason) => {
      waiter.reject(reason);
      if (flight.delete(waiter)) this.#loads.onLeft(flight, reason);
    });
    try {
      return await waiter.promise;
    } finally {
      off();
    }
  }

  #give(entry: Entry<V>, key: K, nowMs: number): V | undefined {
    if (nowMs < entry.freshUntilMs) {
      this.#countHit(entry);
    } else {
      this.#tally.staleHits += 1;
      this.#loads.refresh(entry.id, key);
    }
    return entry.value;
  }

  #countHit({ value }: Entry<V>): void {
    if (value === undefined) this.#tally.negativeHits += 1;
    else this.#tally.hits += 1;
  }

  #requireUse(signal: AbortSignal | undefined): void {
    throwIfAborted(signal);
    if (this.#state !== 'open') throw new LoaderClosedError();
  }
}
