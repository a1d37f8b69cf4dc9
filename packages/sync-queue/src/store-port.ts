import { isHoldfastError } from '@holdfast/internal';
import { StoreFailedError } from './errors.ts';
import type { Guard, StoreOperation } from './queue.ts';
import type { QueueStore } from './store.ts';

/** Calls the store: opens it first, through the guard, and tells about every failure. */
export class StorePort {
  readonly #store: QueueStore;
  readonly #guard: Guard | undefined;
  readonly #onError: (operation: StoreOperation, error: unknown) => void;
  #opening: Promise<void> | undefined;

  constructor(options: {
    readonly store: QueueStore;
    readonly guard: Guard | undefined;
    readonly onError: (operation: StoreOperation, error: unknown) => void;
  }) {
    this.#store = options.store;
    this.#guard = options.guard;
    this.#onError = options.onError;
  }

  async open(): Promise<void> {
    const opening = (this.#opening ??= this.#store.open());
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
    const opening = this.#opening;
    if (opening === undefined) return;
    this.#opening = undefined;
    const isOpen = await opening.then(
      () => true,
      () => false,
    );
    if (isOpen) await this.#store.close();
  }

  /** @throws {StoreFailedError} whose `outcome` counts all calls that the guard has made. */
  async run<T>(operation: StoreOperation, call: (store: QueueStore) => Promise<T>): Promise<T> {
    await this.#openFor();
    let possiblyApplied = 0;
    const attempt = async (): Promise<T> => {
      possiblyApplied += 1;
      try {
        return await call(this.#store);
      } catch (error) {
        if (isNotApplied(error)) possiblyApplied -= 1;
        throw error;
      }
    };
    try {
      return await (this.#guard === undefined ? attempt() : this.#guard.execute(attempt));
    } catch (error) {
      this.#onError(operation, error);
      const outcome = possiblyApplied === 0 ? 'not-applied' : 'unknown';
      const isExact = error instanceof StoreFailedError && error.outcome === outcome;
      throw isExact ? error : new StoreFailedError(outcome, error);
    }
  }

  /** However the opening has failed, the call that needed it has not been made. */
  async #openFor(): Promise<void> {
    try {
      await this.open();
    } catch (error) {
      throw isHoldfastError(error, 'STORE_FAILED')
        ? new StoreFailedError('not-applied', error)
        : error;
    }
  }
}

function isNotApplied(error: unknown): boolean {
  return (
    isHoldfastError(error, 'STORE_FAILED') && 'outcome' in error && error.outcome === 'not-applied'
  );
}
