import type { CacheKey, LoaderEvents } from './batch-loader.ts';
import { Flight } from './flight.ts';
import type { KnownValues } from './known-values.ts';
import { LoadQueue } from './load-queue.ts';
import { Load } from './load.ts';
import { LoaderOverloadedError } from './loader-errors.ts';
import type { ResolvedLoaderOptions } from './loader-options.ts';
import type { LoaderTally } from './loader-tally.ts';

export interface LoadsContext<K, V> {
  readonly known: KnownValues<V>;
  readonly tally: LoaderTally;
  readonly emit: <E extends keyof LoaderEvents<K>>(event: E, payload: LoaderEvents<K>[E]) => void;
}

/** The keys on their way, each once, and where their loads land. */
export class Loads<K, V> {
  readonly #options: ResolvedLoaderOptions<K, V>;
  readonly #context: LoadsContext<K, V>;
  readonly #queue: LoadQueue<K, V>;
  /** Those that may be joined: an obsolete one is not among them. */
  readonly #flights = new Map<CacheKey, Flight<K, V>>();
  readonly #running = new Set<Load<K, V>>();

  constructor(options: ResolvedLoaderOptions<K, V>, context: LoadsContext<K, V>) {
    this.#options = options;
    this.#context = context;
    this.#queue = new LoadQueue({ ...options, run: (flights) => this.#run(flights) });
  }

  get gauges(): { pendingKeys: number; runningLoads: number } {
    return { pendingKeys: this.#queue.size, runningLoads: this.#queue.running };
  }

  /** The flight of a key, a new one where there is none. @throws {LoaderOverloadedError} */
  join(id: CacheKey, key: K): Flight<K, V> {
    const { tally } = this.#context;
    tally.misses += 1;
    const present = this.#flights.get(id);
    if (present !== undefined) {
      tally.joined += 1;
      return present;
    }
    if (!this.#queue.hasRoom) {
      tally.refused += 1;
      throw new LoaderOverloadedError(this.#options.maxPending);
    }
    return this.#depart(id, key);
  }

  /** Loads a key that nobody waits for; not when there is no room: what is stale is given on. */
  refresh(id: CacheKey, key: K): void {
    if (this.#flights.has(id) || !this.#queue.hasRoom) return;
    this.#depart(id, key).keep();
  }

  /** Somebody does not wait for this flight any more. */
  onLeft(flight: Flight<K, V>, reason: unknown): void {
    if (flight.isWanted) return;
    if (flight.carrier !== undefined) {
      flight.carrier.onUnwanted(reason);
      return;
    }
    this.#queue.remove(flight);
    this.#remove(flight);
  }

  /** What the load of a key on its way brings is older than now. One that waits in the queue will be read later. */
  outdate(id: CacheKey): void {
    const flight = this.#flights.get(id);
    if (flight?.carrier === undefined) return;
    flight.isObsolete = true;
    this.#flights.delete(id);
  }

  outdateAll(): void {
    for (const id of this.#flights.keys()) this.outdate(id);
  }

  /** Rejects all who wait, and aborts what runs. */
  stop(reason: unknown): void {
    for (const load of this.#running) load.stop(reason);
    for (const flight of this.#flights.values()) {
      this.#queue.remove(flight);
      flight.reject(reason);
    }
    this.#flights.clear();
  }

  idle(): Promise<void> {
    return this.#queue.idle();
  }

  #depart(id: CacheKey, key: K): Flight<K, V> {
    const flight = new Flight<K, V>(id, key);
    this.#flights.set(id, flight);
    this.#queue.add(flight);
    return flight;
  }

  async #run(taken: readonly Flight<K, V>[]): Promise<void> {
    // Some may have been given up since they were taken out of the queue.
    const flights = taken.filter(({ isWanted }) => isWanted);
    if (flights.length === 0) return;
    const { tally, emit } = this.#context;
    const { clock } = this.#options;
    const startedMs = clock.now();
    const load = new Load(flights, {
      options: this.#options,
      onValue: (flight, value) => this.#land(flight, value, startedMs),
      onError: (flight, error) => this.#fail(flight, error),
      onFailed: (failed, error) =>
        emit('loadFailed', { keys: failed.map(({ key }) => key), error }),
      onAborted: (open, reason) => {
        for (const flight of open) {
          this.#remove(flight);
          flight.reject(reason);
        }
      },
    });
    this.#running.add(load);
    tally.loads += 1;
    tally.loadedKeys += flights.length;
    const counts = await load.run();
    this.#running.delete(load);
    emit('loaded', { keys: flights.length, ...counts, durationMs: clock.now() - startedMs });
  }

  #land(flight: Flight<K, V>, value: V | undefined, startedMs: number): void {
    const { known } = this.#context;
    const nowMs = this.#options.clock.now();
    this.#remove(flight);
    if (!flight.isObsolete) {
      known.store(flight.id, value, { startedMs, nowMs });
      flight.resolve(value);
      return;
    }
    // Who waits asked before the invalidation, so the old value would do; but something newer may be known.
    const newer = known.fresh(flight.id, nowMs);
    flight.resolve(newer === undefined ? value : newer.value);
  }

  #fail(flight: Flight<K, V>, error: unknown): void {
    const { known, tally } = this.#context;
    this.#remove(flight);
    tally.failedKeys += 1;
    const stale = known.onError(flight.id, this.#options.clock.now());
    if (stale === undefined) {
      flight.reject(error);
      return;
    }
    if (flight.isAwaited) tally.staleIfErrorHits += 1;
    flight.resolve(stale.value);
  }

  #remove(flight: Flight<K, V>): void {
    if (this.#flights.get(flight.id) === flight) this.#flights.delete(flight.id);
  }
}
