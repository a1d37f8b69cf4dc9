import { createDeferred, onAbort, type Deferred } from '@holdfast/internal';
import type { BatchInFlight } from './batch-in-flight.ts';
import type { Batch } from './blocks/batch.ts';
import type { Leftover } from './gather-unsettled.ts';

export interface LaneContext {
  readonly isSending: () => boolean;
  readonly startBatch: (batch: Batch) => BatchInFlight;
  /** The lane has nothing to send. */
  readonly onIdle: () => void;
}

/** A queue of batches of which at most one is in flight; they are settled in the order in which they came. */
export class Lane {
  readonly #context: LaneContext;
  /** Who waits until so many batches are settled. */
  readonly #waiters = new Map<Deferred<void>, number>();
  #queue: Batch[] = [];
  /** Kept over a halt: what is left of it is sent after `resume()`. */
  #inFlight: BatchInFlight | undefined;
  #run: Promise<void> | undefined;
  #pushed = 0;
  #settled = 0;

  constructor(context: LaneContext) {
    this.#context = context;
  }

  get isIdle(): boolean {
    return this.#inFlight === undefined && this.#queue.length === 0;
  }

  get oldestAtMs(): number | undefined {
    return this.#inFlight?.batch.oldestAtMs ?? this.#queue[0]?.oldestAtMs;
  }

  /** Of the batches that are not in flight. */
  get oldestQueuedMs(): number | undefined {
    return this.#queue[0]?.oldestAtMs;
  }

  push(batch: Batch): void {
    this.#queue.push(batch);
    this.#pushed += 1;
    this.wake();
  }

  /** Takes the oldest batch that is not in flight out of the queue. */
  takeOldest(): Batch | undefined {
    const batch = this.#queue.shift();
    if (batch !== undefined) this.#countSettled();
    return batch;
  }

  /** Resolves when everything pushed so far is settled; an abort ends the wait. */
  async settle(signal: AbortSignal | undefined): Promise<void> {
    if (this.#settled === this.#pushed) return;
    const waiter = createDeferred<void>();
    this.#waiters.set(waiter, this.#pushed);
    const off = onAbort(signal, (reason) => waiter.reject(reason));
    try {
      await waiter.promise;
    } finally {
      off();
      this.#waiters.delete(waiter);
    }
  }

  rejectWaiters(reason: unknown): void {
    for (const waiter of this.#waiters.keys()) waiter.reject(reason);
    this.#waiters.clear();
  }

  /** Starts sending when there is something to send. */
  wake(): void {
    if (this.#run !== undefined || this.isIdle || !this.#context.isSending()) return;
    // Begun in a later turn: what an attempt calls may write again, and must find this run.
    this.#run = Promise.resolve()
      .then(() => this.#sendBatches())
      .finally(() => {
        this.#run = undefined;
        if (this.isIdle) this.#context.onIdle();
        else this.wake();
      });
  }

  /** To be called when `isSending` has become false for good: resolves with what is not settled. */
  async stop(): Promise<Leftover> {
    await this.#run;
    const kept = { inFlight: this.#inFlight, queue: this.#queue };
    this.#inFlight = undefined;
    this.#queue = [];
    this.#settled = this.#pushed;
    return kept;
  }

  async #sendBatches(): Promise<void> {
    while (this.#context.isSending()) {
      if (this.#inFlight === undefined) {
        const next = this.#queue.shift();
        if (next === undefined) return;
        this.#inFlight = this.#context.startBatch(next);
      }
      if (!(await this.#inFlight.send())) return;
      this.#inFlight = undefined;
      this.#countSettled();
    }
  }

  #countSettled(): void {
    this.#settled += 1;
    for (const [waiter, target] of this.#waiters) {
      if (target > this.#settled) continue;
      this.#waiters.delete(waiter);
      waiter.resolve();
    }
  }
}
