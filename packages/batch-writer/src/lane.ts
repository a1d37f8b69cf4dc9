import { createDeferred, onAbort, type Clock, type Deferred, type Timer } from '@holdfast/internal';
import type { EncodedRow } from './encode-row.ts';
import type { BatchInFlight } from './batch-in-flight.ts';

export interface LaneContext {
  readonly clock: Clock;
  readonly maxRows: number;
  readonly lingerMs: number;
  readonly isSending: () => boolean;
  readonly startBatch: (rows: readonly EncodedRow[]) => BatchInFlight;
}

/**
 * One queue and at most one batch in flight. A batch starts when `maxRows` rows wait, when the oldest has waited
 * `lingerMs`, or when somebody waits for its rows to be settled; batches are settled in the order they were filled.
 */
export class Lane {
  readonly #context: LaneContext;
  readonly #settledWaiters = new Map<Deferred<void>, number>();
  #queue: EncodedRow[] = [];
  /** Kept over a halt: what is left of it is sent after `resume()`. */
  #batch: BatchInFlight | undefined;
  #run: Promise<void> | undefined;
  #lingerTimer: Timer | undefined;
  #isLingerOver = false;
  #accepted = 0;
  #settled = 0;
  /** Rows up to this count are sent without lingering. */
  #wanted = 0;

  constructor(context: LaneContext) {
    this.#context = context;
  }

  get oldestAtMs(): number | undefined {
    return this.#batch?.oldestAtMs ?? this.#queue[0]?.acceptedAtMs;
  }

  push(row: EncodedRow): void {
    this.#queue.push(row);
    this.#accepted += 1;
    this.wake();
  }

  /** Resolves when everything pushed so far is settled; an abort ends the wait. */
  async settle(signal: AbortSignal | undefined): Promise<void> {
    if (this.#settled === this.#accepted) return;
    const waiter = createDeferred<void>();
    this.#settledWaiters.set(waiter, this.#accepted);
    const off = onAbort(signal, (reason) => waiter.reject(reason));
    this.hurry();
    try {
      await waiter.promise;
    } finally {
      off();
      this.#settledWaiters.delete(waiter);
    }
  }

  /** Sends everything pushed so far without lingering. */
  hurry(): void {
    this.#wanted = this.#accepted;
    this.wake();
  }

  rejectWaiters(reason: unknown): void {
    for (const waiter of this.#settledWaiters.keys()) waiter.reject(reason);
    this.#settledWaiters.clear();
  }

  /** Starts sending, or the timer for it, when there is reason to. */
  wake(): void {
    if (this.#run !== undefined || !this.#context.isSending()) return;
    if (this.#isDue()) {
      this.#cancelTimer();
      // Begun in a later turn: what an attempt calls may write again, and must find this run.
      this.#run = Promise.resolve()
        .then(() => this.#sendBatches())
        .finally(() => {
          this.#run = undefined;
          this.wake();
        });
    } else if (this.#queue.length > 0) {
      this.#lingerTimer ??= this.#context.clock.setTimer(() => {
        this.#lingerTimer = undefined;
        this.#isLingerOver = true;
        this.wake();
      }, this.#context.lingerMs);
    }
  }

  /** To be called when `isSending` has become false for good: resolves with the rows that are not settled. */
  async stop(): Promise<EncodedRow[]> {
    this.#cancelTimer();
    await this.#run;
    const kept = [...(this.#batch?.unsettledRows() ?? []), ...this.#queue];
    this.#batch = undefined;
    this.#queue = [];
    this.#settled = this.#accepted;
    return kept;
  }

  async #sendBatches(): Promise<void> {
    while (this.#context.isSending()) {
      if (this.#batch === undefined) {
        if (!this.#isDue()) return;
        this.#isLingerOver = false;
        this.#batch = this.#context.startBatch(this.#queue.splice(0, this.#context.maxRows));
      }
      if (!(await this.#batch.send())) return;
      this.#settled += this.#batch.size;
      this.#batch = undefined;
      this.#resolveWaiters();
    }
  }

  #isDue(): boolean {
    if (this.#batch !== undefined) return true;
    if (this.#queue.length === 0) return false;
    return (
      this.#queue.length >= this.#context.maxRows ||
      this.#settled < this.#wanted ||
      this.#isLingerOver
    );
  }

  #resolveWaiters(): void {
    for (const [waiter, target] of this.#settledWaiters) {
      if (target > this.#settled) continue;
      this.#settledWaiters.delete(waiter);
      waiter.resolve();
    }
  }

  #cancelTimer(): void {
    this.#lingerTimer?.cancel();
    this.#lingerTimer = undefined;
  }
}
