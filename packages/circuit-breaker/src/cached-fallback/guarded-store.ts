import { onAbort, type AbortSource, type Clock } from '@holdfast/internal';
import { isCacheEntry, type CacheEntry, type CacheStore } from './cache-store.ts';

export type StoreOperation = 'get' | 'set';

/** A store that never fails and never hangs: an answer that is wrong or does not come is none. */
export class GuardedStore {
  readonly #store: CacheStore;
  readonly #timeoutMs: number;
  readonly #clock: Clock;
  readonly #onError: (operation: StoreOperation, error: unknown) => void;

  constructor(
    store: CacheStore,
    timeoutMs: number,
    {
      clock,
      onError,
    }: {
      readonly clock: Clock;
      readonly onError: (operation: StoreOperation, error: unknown) => void;
    },
  ) {
    this.#store = store;
    this.#timeoutMs = timeoutMs;
    this.#clock = clock;
    this.#onError = onError;
  }

  /** Rejects with the reason when `source` aborts, and for nothing else. */
  async get(key: string, source: AbortSource | undefined): Promise<CacheEntry | undefined> {
    const found = await this.#ask('get', () => this.#store.get(key), source);
    if (found === undefined || found === null) return undefined;
    if (isCacheEntry(found)) return found;
    this.#onError('get', new TypeError(`the store has something else than an entry for "${key}"`));
    return undefined;
  }

  /** Nobody has to wait for it. */
  set(key: string, entry: CacheEntry, ttlMs: number): void {
    void this.#ask('set', () => this.#store.set(key, entry, ttlMs), undefined);
  }

  async #ask(
    operation: StoreOperation,
    ask: () => unknown,
    source: AbortSource | undefined,
  ): Promise<unknown> {
    try {
      const answer = ask();
      if (!isThenable(answer)) return answer;
      return await this.#inTime(operation, answer, source);
    } catch (error) {
      if (source?.aborted === true) throw source.reason;
      this.#onError(operation, error);
      return undefined;
    }
  }

  #inTime(
    operation: StoreOperation,
    answer: PromiseLike<unknown>,
    source: AbortSource | undefined,
  ): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const fail = (error: unknown): void => {
        timer.cancel();
        off();
        reject(error);
      };
      const late = (): void =>
        fail(new Error(`${operation} of the store did not answer within ${this.#timeoutMs} ms`));
      const timer = this.#clock.setTimer(late, this.#timeoutMs, {
        background: operation === 'set',
      });
      let off = (): void => undefined;
      off = onAbort(source, fail);
      answer.then((value) => {
        timer.cancel();
        off();
        resolve(value);
      }, fail);
    });
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  if (typeof value !== 'object' || value === null || !('then' in value)) return false;
  return typeof value.then === 'function';
}
