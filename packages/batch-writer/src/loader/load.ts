import { createDeferred } from '@holdfast/internal';
import type { LoadResult } from './batch-loader.ts';
import type { Carrier, Flight } from './flight.ts';
import { LoadTimeoutError } from './loader-errors.ts';
import type { ResolvedLoaderOptions } from './loader-options.ts';
import { readResult } from './read-result.ts';

export interface LoadContext<K, V> {
  readonly options: ResolvedLoaderOptions<K, V>;
  /** `value` is undefined for an absent key. */
  readonly onValue: (flight: Flight<K, V>, value: V | undefined) => void;
  readonly onError: (flight: Flight<K, V>, error: unknown) => void;
  /** The load, or `createMissing` for the rest of it, has failed. */
  readonly onFailed: (flights: readonly Flight<K, V>[], error: unknown) => void;
  /** It is given up, and `flights` with it: those that have not ended. */
  readonly onAborted: (flights: ReadonlySet<Flight<K, V>>, reason: unknown) => void;
}

/** What has become of the keys of a load; those of one that was given up are in none of the counts. */
export interface LoadCounts {
  found: number;
  absent: number;
  failed: number;
}

/** One call of `load` with what follows from it. It ends when that has settled, at the latest at `loadTimeoutMs`. */
export class Load<K, V> implements Carrier {
  readonly #context: LoadContext<K, V>;
  readonly #abort = new AbortController();
  readonly #counts: LoadCounts = { found: 0, absent: 0, failed: 0 };
  /** Flights that have not ended. */
  readonly #open: Set<Flight<K, V>>;

  constructor(flights: readonly Flight<K, V>[], context: LoadContext<K, V>) {
    this.#context = context;
    this.#open = new Set(flights);
    for (const flight of flights) flight.carrier = this;
  }

  /** Never rejects. */
  async run(): Promise<Readonly<LoadCounts>> {
    const { clock, loadTimeoutMs } = this.#context.options;
    const cut = createDeferred<void>();
    const timer = clock.setTimer(() => {
      const error = new LoadTimeoutError(this.#open.size, loadTimeoutMs);
      this.#fail(error);
      this.#abort.abort(error);
      cut.resolve();
    }, loadTimeoutMs);
    try {
      await Promise.race([this.#work(), cut.promise]);
    } finally {
      timer.cancel();
    }
    return this.#counts;
  }

  /** Aborts it: its flights have ended, or nobody wants them. */
  stop(reason: unknown): void {
    this.#context.onAborted(this.#open, reason);
    this.#open.clear();
    this.#abort.abort(reason);
  }

  onUnwanted(reason: unknown): void {
    for (const flight of this.#open) if (flight.isWanted) return;
    this.stop(reason);
  }

  async #work(): Promise<void> {
    const { load, createMissing } = this.#context.options;
    try {
      await this.#ask('load', load);
      if (this.#open.size > 0 && createMissing !== undefined) {
        await this.#ask('createMissing', createMissing);
      }
    } catch (error) {
      this.#fail(error);
    }
    this.#counts.absent += this.#open.size;
    for (const flight of this.#open) this.#context.onValue(flight, undefined);
    this.#open.clear();
  }

  /** Asks for the flights that are open, and ends those that have an answer. */
  async #ask(
    name: 'load' | 'createMissing',
    ask: (keys: readonly K[], signal: AbortSignal) => Promise<LoadResult<K, V>>,
  ): Promise<void> {
    const flights = [...this.#open];
    const keys = flights.map(({ key }) => key);
    const result = await ask(keys, this.#abort.signal);
    const found = readResult(name, result, { flights, keyOf: this.#context.options.keyOf });
    for (const flight of flights) {
      const value = found.get(flight.id);
      // What was cut short meanwhile has ended.
      if (value === undefined || !this.#open.delete(flight)) continue;
      if (value instanceof Error) {
        this.#counts.failed += 1;
        this.#context.onError(flight, value);
      } else {
        this.#counts.found += 1;
        this.#context.onValue(flight, value);
      }
    }
  }

  #fail(error: unknown): void {
    if (this.#open.size === 0) return;
    const flights = [...this.#open];
    this.#open.clear();
    this.#counts.failed += flights.length;
    for (const flight of flights) this.#context.onError(flight, error);
    this.#context.onFailed(flights, error);
  }
}
