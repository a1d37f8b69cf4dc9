import { createDeferred, onAbort, type Deferred } from '@holdfast/internal';
import type { BatchInFlight } from './batch-in-flight.ts';
import type { QueuedBatch } from './queued-batch.ts';

export interface LaneContext {
  readonly isSending: () => boolean;
  /** Makes a batch ready to be sent; undefined when it is gone or cannot be read. */
  readonly start: (queued: QueuedBatch) => Promise<BatchInFlight | undefined>;
  /** The lane has nothing to send. */
  readonly onIdle: () => void;
}

/** What a lane has left when it stops. */
export interface Leftover {
  readonly inFlight: BatchInFlight | undefined;
  readonly queue: readonly QueuedBatch[];
}

/** What somebody waits for. */
interface Target {
  /** So many batches are to be settled. */
  readonly settled: number;
  /** A batch that has been dropped is to be in the dead letter, too. */
  readonly isDropping: boolean;
}

/** A queue of batches of which at most one is in flight; they are settled in the order in which they came. */
export class Lane {
  readonly #context: LaneContext;
  readonly #waiters = new Map<Deferred<void>, Target>();
  /** The first one stays in it while it is made ready. */
  #queue: QueuedBatch[] = [];
  /** Kept over a halt: what is left of it is sent after `resume()`. */
  #inFlight: BatchInFlight | undefined;
  #run: Promise<void> | undefined;
  #isDropping = false;
  #pushed = 0;
  #settled = 0;

  constructor(context: LaneContext) {
    this.#context = context;
  }

  get isIdle(): boolean {
    return this.#inFlight === undefined && this.#queue.length === 0;
  }

  /** Of the batches that are held in memory. */
  get oldestAtMs(): number | undefined {
    return this.#inFlight?.batch.oldestAtMs ?? this.oldestHeldMs;
  }

  /** Of those that are not in flight. */
  get oldestHeldMs(): number | undefined {
    return this.#waiting().find((queued) => queued.kind === 'held')?.batch.oldestAtMs;
  }

  push(queued: QueuedBatch): void {
    this.#queue.push(queued);
    this.#pushed += 1;
    this.wake();
  }

  /** Takes the oldest batch that is held and not in flight out of the queue; `endDrop` is to be called when it is settled. */
  dropOldest(): (QueuedBatch & { kind: 'held' }) | undefined {
    const queued = this.#waiting().find((one) => one.kind === 'held');
    if (queued === undefined) return undefined;
    const index = this.#queue.indexOf(queued);
    // Those in front of it are not settled yet: whoever waits for it waits for one less, others for as many as before.
    const place = this.#pushed - (this.#queue.length - 1 - index);
    this.#queue.splice(index, 1);
    this.#pushed -= 1;
    this.#isDropping = true;
    for (const [waiter, { settled }] of this.#waiters) {
      if (settled >= place) this.#waiters.set(waiter, { settled: settled - 1, isDropping: true });
    }
    return queued;
  }

  endDrop(): void {
    this.#isDropping = false;
    for (const [waiter, { settled }] of this.#waiters) {
      this.#waiters.set(waiter, { settled, isDropping: false });
    }
    this.#resolveWaiters();
  }

  /** The newest batch that is held, and for which nobody waits: the last to be needed. */
  newestHeld(): (QueuedBatch & { kind: 'held' }) | undefined {
    return this.#waiting().findLast(
      (queued) => queued.kind === 'held' && queued.batch.waiters === undefined,
    ) as (QueuedBatch & { kind: 'held' }) | undefined;
  }

  /** Puts the one in the place of the other; false when that is no longer waiting. */
  replace(queued: QueuedBatch, by: QueuedBatch): boolean {
    const index = this.#waiting().includes(queued) ? this.#queue.indexOf(queued) : -1;
    if (index < 0) return false;
    this.#queue[index] = by;
    return true;
  }

  /** Resolves when everything pushed so far is settled; an abort ends the wait. */
  async settle(signal: AbortSignal | undefined): Promise<void> {
    if (this.#settled === this.#pushed && !this.#isDropping) return;
    const waiter = createDeferred<void>();
    this.#waiters.set(waiter, { settled: this.#pushed, isDropping: this.#isDropping });
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

  /** Those that nobody is making ready. */
  #waiting(): QueuedBatch[] {
    return this.#run !== undefined && this.#inFlight === undefined
      ? this.#queue.slice(1)
      : this.#queue;
  }

  async #sendBatches(): Promise<void> {
    while (this.#context.isSending()) {
      if (this.#inFlight === undefined) {
        const [next] = this.#queue;
        if (next === undefined) return;
        const started = await this.#context.start(next);
        // Stopped meanwhile: whoever stops finds it in the queue.
        if (started === undefined && !this.#context.isSending()) return;
        this.#queue.shift();
        this.#inFlight = started;
      }
      if (this.#inFlight !== undefined && !(await this.#inFlight.send())) return;
      this.#inFlight = undefined;
      this.#countSettled();
    }
  }

  #countSettled(): void {
    this.#settled += 1;
    this.#resolveWaiters();
  }

  #resolveWaiters(): void {
    for (const [waiter, target] of this.#waiters) {
      if (target.settled > this.#settled || target.isDropping) continue;
      this.#waiters.delete(waiter);
      waiter.resolve();
    }
  }
}
