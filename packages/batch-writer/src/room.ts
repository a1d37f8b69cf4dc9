import { createDeferred, onAbort } from '@holdfast/internal';
import type { EncodedRow } from './encode-row.ts';
import { BufferFullError, RowTooLargeError } from './errors.ts';
import type { ResolvedOptions } from './options.ts';

interface Waiter {
  readonly row: EncodedRow;
  readonly admit: () => void;
  readonly reject: (reason: unknown) => void;
}

/** The bound of the buffer: who is in, and who waits to get in, in order of arrival. */
export class Room {
  readonly #limits: ResolvedOptions<object>['buffer'];
  readonly #waiters = new Set<Waiter>();
  #rows = 0;
  #bytes = 0;

  constructor(limits: ResolvedOptions<object>['buffer']) {
    this.#limits = limits;
  }

  get rows(): number {
    return this.#rows;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get waiters(): number {
    return this.#waiters.size;
  }

  /**
   * Calls `admit` when the row is in: at once (then it returns true) or later.
   *
   * @throws {RowTooLargeError} when the row could never get in.
   */
  enter(row: EncodedRow, admit: () => void, signal: AbortSignal | undefined): true | Promise<void> {
    const { maxBytes, maxWaiters, whenFull } = this.#limits;
    if (row.bytes > maxBytes) throw new RowTooLargeError(row.bytes, maxBytes);
    if (signal?.aborted === true) return Promise.reject(signal.reason as Error);
    // Whoever waits was there first, even when this row would fit.
    if (this.#waiters.size === 0 && this.#fits(row)) {
      this.#take(row);
      admit();
      return true;
    }
    if (whenFull === 'reject' || this.#waiters.size >= maxWaiters) {
      return Promise.reject(new BufferFullError(this.#rows, this.#bytes, this.#waiters.size));
    }
    return this.#wait(row, admit, signal);
  }

  leave(rows: readonly EncodedRow[]): void {
    this.#rows -= rows.length;
    for (const { bytes } of rows) this.#bytes -= bytes;
    this.#admitWaiters();
  }

  rejectWaiters(reason: unknown): void {
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    for (const waiter of waiters) waiter.reject(reason);
  }

  #wait(row: EncodedRow, admit: () => void, signal: AbortSignal | undefined): Promise<void> {
    const deferred = createDeferred<void>();
    const waiter: Waiter = {
      row,
      admit: () => {
        off();
        admit();
        deferred.resolve();
      },
      reject: (reason) => {
        off();
        deferred.reject(reason);
      },
    };
    this.#waiters.add(waiter);
    const off = onAbort(signal, (reason) => {
      this.#waiters.delete(waiter);
      deferred.reject(reason);
      // The one behind may be smaller and fit already.
      this.#admitWaiters();
    });
    return deferred.promise;
  }

  #admitWaiters(): void {
    for (const waiter of this.#waiters) {
      if (!this.#fits(waiter.row)) return;
      this.#waiters.delete(waiter);
      this.#take(waiter.row);
      waiter.admit();
    }
  }

  #fits(row: EncodedRow): boolean {
    return this.#rows < this.#limits.maxRows && this.#bytes + row.bytes <= this.#limits.maxBytes;
  }

  #take(row: EncodedRow): void {
    this.#rows += 1;
    this.#bytes += row.bytes;
  }
}
