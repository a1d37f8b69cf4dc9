import { createDeferred, onAbort } from '@holdfast/internal';
import { BufferFullError } from './errors.ts';
import type { ResolvedOptions } from './options.ts';

interface Waiter {
  readonly bytes: number;
  readonly admit: () => void;
  readonly reject: (reason: unknown) => void;
}

/** The bound of the buffer: how much is in, and who waits to get in, in order of arrival. */
export class Room {
  readonly #limits: ResolvedOptions['buffer'];
  readonly #waiters = new Set<Waiter>();
  #rows = 0;
  #bytes = 0;

  constructor(limits: ResolvedOptions['buffer']) {
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

  /** Takes room for one row, unless there is none, or somebody waits for it who was there first. */
  tryEnter(bytes: number): boolean {
    if (this.#waiters.size > 0 || !this.#fits(bytes)) return false;
    this.#rows += 1;
    this.#bytes += bytes;
    return true;
  }

  /** Calls `admit` when there is room for the row and it has been taken; then resolves. */
  wait(bytes: number, admit: () => void, signal: AbortSignal | undefined): Promise<void> {
    if (this.#waiters.size >= this.#limits.maxWaiters) return Promise.reject(this.fullError());
    const deferred = createDeferred<void>();
    const waiter: Waiter = {
      bytes,
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

  leave(rows: number, bytes: number): void {
    this.#rows -= rows;
    this.#bytes -= bytes;
    this.#admitWaiters();
  }

  rejectWaiters(reason: unknown): void {
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    for (const waiter of waiters) waiter.reject(reason);
  }

  fullError(): BufferFullError {
    return new BufferFullError(this.#rows, this.#bytes, this.#waiters.size);
  }

  #admitWaiters(): void {
    for (const waiter of this.#waiters) {
      if (!this.#fits(waiter.bytes)) return;
      this.#waiters.delete(waiter);
      this.#rows += 1;
      this.#bytes += waiter.bytes;
      waiter.admit();
    }
  }

  #fits(bytes: number): boolean {
    return this.#rows < this.#limits.maxRows && this.#bytes + bytes <= this.#limits.maxBytes;
  }
}
