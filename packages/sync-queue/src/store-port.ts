import { isHoldfastError } from '@holdfast/internal';
import { StoreFailedError } from './errors.ts';
import type { StoreOperation } from './queue.ts';
import type { Guard } from './queue-options.ts';
import type { QueueSettings, QueueStore, StoredQueue } from './store.ts';

/** Calls one queue of a store: opens the store first, through the guard, and tells about every failure. */
export class StorePort {
  readonly #store: QueueStore;
  readonly #name: string;
  readonly #settings: QueueSettings;
  readonly #guard: Guard | undefined;
  readonly #onError: (operation: StoreOperation, error: unknown) => void;
  /** As the callers see it: through the guard. */
  #opening: Promise<void> | undefined;
  /** The store's own call, which goes on when the guard cuts it short. */
  #storeOpening: Promise<void> | undefined;
  #isStoreOpen = false;
  #queue: StoredQueue | undefined;

  constructor(options: {
    readonly store: QueueStore;
    readonly name: string;
    readonly settings: QueueSettings;
    readonly guard: Guard | undefined;
    readonly onError: (operation: StoreOperation, error: unknown) => void;
  }) {
    this.#store = options.store;
    this.#name = options.name;
    this.#settings = options.settings;
    this.#guard = options.guard;
    this.#onError = options.onError;
  }

  /** To be used only once the store is open. */
  get queue(): StoredQueue {
    this.#queue ??= this.#store.queue(this.#name, this.#settings);
    return this.#queue;
  }

  /** However the opening fails, no call has been made: a `StoreFailedError` says `not-applied`. */
  async open(): Promise<void> {
    const opening = (this.#opening ??= this.#openGuarded());
    try {
      await opening;
    } catch (error) {
      // The next call tries again; of many that wait for this one, the first tells.
      if (this.#opening === opening) {
        this.#opening = undefined;
        this.#onError('open', error);
      }
      throw error;
    }
  }

  async close(): Promise<void> {
    const opening = this.#storeOpening;
    this.#opening = undefined;
    this.#storeOpening = undefined;
    // `open` tells why it fails.
    await opening?.catch(() => undefined);
    if (!this.#isStoreOpen) return;
    this.#isStoreOpen = false;
    await this.#store.close();
  }

  /** @throws {StoreFailedError} whose `outcome` counts all calls that the guard has made. */
  async run<T>(operation: StoreOperation, call: (queue: StoredQueue) => Promise<T>): Promise<T> {
    await this.open();
    const opening = this.#opening;
    let possiblyApplied = 0;
    const attempt = async (): Promise<T> => {
      possiblyApplied += 1;
      try {
        return await call(this.queue);
      } catch (error) {
        if (isNotApplied(error) || isRefusal(error)) possiblyApplied -= 1;
        if (this.#opening === opening && this.queue.mustAgree?.(error) === true) {
          this.#opening = undefined;
          this.#storeOpening = undefined;
        }
        throw error;
      }
    };
    try {
      return await (this.#guard === undefined ? attempt() : this.#guard.execute(attempt));
    } catch (error) {
      if (isRefusal(error)) throw error;
      this.#onError(operation, error);
      const outcome = possiblyApplied === 0 ? 'not-applied' : 'unknown';
      const isExact = error instanceof StoreFailedError && error.outcome === outcome;
      throw isExact ? error : new StoreFailedError(outcome, error);
    }
  }

  async #openGuarded(): Promise<void> {
    const thrownByStore = new Set<unknown>();
    const attempt = async (): Promise<void> => {
      try {
        await this.#openStore();
      } catch (error) {
        thrownByStore.add(error);
        throw error;
      }
    };
    try {
      await (this.#guard === undefined ? attempt() : this.#guard.execute(attempt));
    } catch (error) {
      const saysWhy = thrownByStore.has(error) && !isHoldfastError(error, 'STORE_FAILED');
      throw saysWhy || isNotApplied(error) ? error : new StoreFailedError('not-applied', error);
    }
  }

  /** One call at a time, however often the guard asks, for each that succeeds needs one `close`. */
  async #openStore(): Promise<void> {
    const opening = (this.#storeOpening ??= this.#openAndAgree());
    try {
      await opening;
    } catch (error) {
      if (this.#storeOpening === opening) this.#storeOpening = undefined;
      throw error;
    }
  }

  async #openAndAgree(): Promise<void> {
    if (!this.#isStoreOpen) {
      await this.#store.open();
      this.#isStoreOpen = true;
    }
    await this.queue.agree?.();
    try {
      await this.queue.recordSettings?.();
    } catch (error) {
      // Only operators miss it: a server without memory left still delivers.
      this.#onError('record', error);
    }
  }
}

/** The call itself is wrong, and the store has done nothing. */
function isRefusal(error: unknown): boolean {
  return (
    isHoldfastError(error, 'TRANSACTION_UNSUPPORTED') ||
    isHoldfastError(error, 'TRANSACTION_INVALID')
  );
}

function isNotApplied(error: unknown): boolean {
  return (
    isHoldfastError(error, 'STORE_FAILED') && 'outcome' in error && error.outcome === 'not-applied'
  );
}
