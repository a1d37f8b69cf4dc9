import { createDeferred } from '@holdfast/internal';
import type { CacheKey } from './batch-loader.ts';
import type { Flight, Waiter } from './flight.ts';

/** The values of many keys behind one promise, which rejects at the first failure. */
export class CollectedValues<K, V> {
  readonly #done = createDeferred<void>();
  readonly #wanted = new Map<K, CacheKey>();
  readonly #values = new Map<CacheKey, V | undefined>();
  readonly #joined: { readonly flight: Flight<K, V>; readonly waiter: Waiter<V> }[] = [];
  #open = 0;

  constructor() {
    // It may be told before somebody awaits it.
    this.#done.promise.catch(() => undefined);
  }

  /** False when the same key was wanted before. */
  want(key: K, id: CacheKey): boolean {
    this.#wanted.set(key, id);
    if (this.#values.has(id)) return false;
    this.#values.set(id, undefined);
    return true;
  }

  put(id: CacheKey, value: V | undefined): void {
    this.#values.set(id, value);
  }

  join(flight: Flight<K, V>): void {
    this.#open += 1;
    const waiter: Waiter<V> = {
      resolve: (value) => {
        this.#values.set(flight.id, value);
        this.#open -= 1;
        if (this.#open === 0) this.#done.resolve();
      },
      reject: (reason) => this.#done.reject(reason),
    };
    flight.add(waiter);
    this.#joined.push({ flight, waiter });
  }

  reject(reason: unknown): void {
    this.#done.reject(reason);
  }

  /** Resolves with the keys that are there, in the order in which they were wanted. */
  async values(): Promise<Map<K, V>> {
    if (this.#open === 0) this.#done.resolve();
    await this.#done.promise;
    const there = new Map<K, V>();
    for (const [key, id] of this.#wanted) {
      const value = this.#values.get(id);
      if (value !== undefined) there.set(key, value);
    }
    return there;
  }

  /** Stops waiting; `leave` is called for each flight that was still waited for. */
  leave(leave: (flight: Flight<K, V>) => void): void {
    for (const { flight, waiter } of this.#joined) if (flight.delete(waiter)) leave(flight);
  }
}
