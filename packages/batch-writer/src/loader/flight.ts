import { createDeferred, type Deferred } from '@holdfast/internal';
import type { CacheKey } from './batch-loader.ts';

/** Told once, what has become of a key. */
export interface Waiter<V> {
  resolve(value: V | undefined): void;
  reject(reason: unknown): void;
}

/** What a flight needs of the load that it is in. */
export interface Carrier {
  /** One of its flights is not wanted any more. */
  onUnwanted(reason: unknown): void;
}

/**
 * A key on its way, shared by all who want it. It waits in the queue while `carrier` is undefined, is loaded by it then, and
 * ends when its waiters are told.
 */
export class Flight<K, V> {
  readonly id: CacheKey;
  readonly key: K;
  carrier: Carrier | undefined;
  /** What it brings is not to be stored: the key was invalidated after its load had started. */
  isObsolete = false;
  /** Of those who cannot leave: one promise for all. */
  #shared: Deferred<V | undefined> | undefined;
  readonly #waiters = new Set<Waiter<V>>();
  #isKept = false;
  #hasEnded = false;

  constructor(id: CacheKey, key: K) {
    this.id = id;
    this.key = key;
  }

  /** Somebody waits for it. */
  get isAwaited(): boolean {
    return !this.#hasEnded && (this.#shared !== undefined || this.#waiters.size > 0);
  }

  get isWanted(): boolean {
    return this.isAwaited || (this.#isKept && !this.#hasEnded);
  }

  /** Wanted for the cache, though nobody waits. */
  keep(): void {
    this.#isKept = true;
  }

  share(): Promise<V | undefined> {
    this.#shared ??= createDeferred();
    return this.#shared.promise;
  }

  add(waiter: Waiter<V>): void {
    this.#waiters.add(waiter);
  }

  delete(waiter: Waiter<V>): boolean {
    return this.#waiters.delete(waiter);
  }

  resolve(value: V | undefined): void {
    this.#hasEnded = true;
    this.#shared?.resolve(value);
    for (const waiter of this.#waiters) waiter.resolve(value);
    this.#waiters.clear();
  }

  reject(reason: unknown): void {
    this.#hasEnded = true;
    this.#shared?.reject(reason);
    for (const waiter of this.#waiters) waiter.reject(reason);
    this.#waiters.clear();
  }
}
