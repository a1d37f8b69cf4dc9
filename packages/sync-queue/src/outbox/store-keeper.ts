import { isHoldfastError } from '@holdfast/internal';
import type { OutboxRows, OutboxStore, OutboxTotals } from './outbox-store.ts';

/** Calls the store for all parts of an outbox; knows how much it holds and whether it works. */
export class StoreKeeper {
  readonly #store: OutboxStore;
  readonly #onError: (error: unknown) => void;
  #totals: OutboxTotals = { count: 0, bytes: 0, quarantined: 0 };
  #hasFailed = false;
  #errors = 0;
  #isOpen = false;

  constructor(store: OutboxStore, onError: (error: unknown) => void) {
    this.#store = store;
    this.#onError = onError;
  }

  /** As of the last write. */
  get totals(): OutboxTotals {
    return this.#totals;
  }

  /** The last call has failed. */
  get hasFailed(): boolean {
    return this.#hasFailed;
  }

  get errors(): number {
    return this.#errors;
  }

  async open(): Promise<void> {
    if (this.#isOpen) return;
    await this.#store.open();
    this.#isOpen = true;
  }

  /** Only what it has opened itself: the store may be another outbox's. */
  async close(): Promise<void> {
    if (this.#isOpen) await this.#store.close();
    this.#isOpen = false;
  }

  async write<T>(work: (rows: OutboxRows) => T): Promise<T> {
    const done = await this.#run(() =>
      this.#store.write((rows) => {
        const result = work(rows);
        return { result, totals: rows.totals() };
      }),
    );
    this.#totals = done.totals;
    return done.result;
  }

  read<T>(work: (rows: OutboxRows) => T): Promise<T> {
    return this.#run(() => this.#store.read(work));
  }

  async #run<T>(call: () => Promise<T>): Promise<T> {
    try {
      const result = await call();
      this.#hasFailed = false;
      return result;
    } catch (error) {
      // What the caller's work refuses (`OUTBOX_FULL`, …) says nothing about the store.
      const isRefusal = isHoldfastError(error) && error.code !== 'STORE_FAILED';
      if (!isRefusal) {
        this.#hasFailed = true;
        this.#errors += 1;
        this.#onError(error);
      }
      throw error;
    }
  }
}
