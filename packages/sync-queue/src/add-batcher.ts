import { createDeferred, onAbort, type Clock, type Deferred } from '@holdfast/internal';
import { AmbiguousAddError, StoreFailedError } from './errors.ts';
import type { EnqueueReply, EnqueueVerdict, NewItem } from './store.ts';
import { Wakeup } from './wakeup.ts';

export interface AddBatcherContext {
  readonly clock: Clock;
  readonly waitMs: number;
  readonly maxPending: number;
  /** In a call. */
  readonly maxItems: number;
  readonly enqueue: (items: readonly NewItem[]) => Promise<EnqueueReply>;
  readonly onFull: () => void;
  /** Called before those who added are answered. */
  readonly onReply: (reply: EnqueueReply) => void;
}

interface PendingAdd {
  readonly item: NewItem;
  readonly deadlineMs: number;
  readonly result: Deferred<EnqueueVerdict>;
}

/** Payload bytes in one call, so that a store that works on one call at a time stays responsive. */
const MAX_BYTES_PER_CALL = 4 * 1024 ** 2;
/** How often a full store is asked again: other processes make room without telling. */
const ROOM_POLL_MS = 50;

/**
 * Sends items to the store in calls of many: what is added in one tick goes together, and what is added while a call is
 * on its way goes with the next. Items that find no room are tried first the next time, until their deadline; a smaller
 * one behind them may find room before.
 */
export class AddBatcher {
  readonly #context: AddBatcherContext;
  readonly #room: Wakeup;
  readonly #closing = new AbortController();
  readonly #pending = new Set<PendingAdd>();
  #pump: Promise<void> | undefined;

  constructor(context: AddBatcherContext) {
    this.#context = context;
    this.#room = new Wakeup(context.clock);
  }

  get pending(): number {
    return this.#pending.size;
  }

  /** Rejects with `STORE_FAILED`, `AMBIGUOUS_ADD` or the reason of the abort. */
  async submit(item: NewItem, signal: AbortSignal | undefined): Promise<EnqueueVerdict> {
    if (this.#pending.size >= this.#context.maxPending) return { status: 'full' };
    const deadlineMs = this.#context.clock.now() + this.#context.waitMs;
    const add: PendingAdd = { item, deadlineMs, result: createDeferred() };
    this.#pending.add(add);
    const off = onAbort(signal, (reason) => this.#finish(add, () => add.result.reject(reason)));
    this.#startPump();
    try {
      return await add.result.promise;
    } finally {
      off();
    }
  }

  /** Somebody has made room in the store. */
  notifyRoom(): void {
    this.#room.notify();
  }

  /** Rejects what waits for room and resolves when no call is on its way. */
  async close(reason: unknown): Promise<void> {
    this.#closing.abort(reason);
    await this.#pump;
  }

  #startPump(): void {
    this.#pump ??= this.#run().finally(() => {
      this.#pump = undefined;
      // Added between the last look and now.
      if (this.#pending.size > 0) this.#startPump();
    });
  }

  async #run(): Promise<void> {
    // The rest of this tick may add more.
    await Promise.resolve();
    while (this.#pending.size > 0) {
      if (this.#closing.signal.aborted) {
        for (const add of [...this.#pending]) {
          this.#finish(add, () => add.result.reject(this.#closing.signal.reason));
        }
        return;
      }
      this.#room.reset();
      const waiting = await this.#send(this.#nextCall());
      if (waiting !== undefined) {
        await this.#room.wait(Math.min(ROOM_POLL_MS, waiting), this.#closing.signal);
      }
    }
  }

  /** Resolves with the time that is left until the first deadline when items found no room, else undefined. */
  async #send(adds: readonly PendingAdd[]): Promise<number | undefined> {
    let reply: EnqueueReply;
    try {
      reply = await this.#context.enqueue(adds.map(({ item }) => item));
    } catch (error) {
      for (const add of adds) this.#finish(add, () => add.result.reject(failureOf(add, error)));
      return undefined;
    }
    this.#context.onReply(reply);
    const now = this.#context.clock.now();
    let firstDeadlineMs = Infinity;
    adds.forEach((add, index) => {
      const verdict: EnqueueVerdict = reply.verdicts[index] ?? { status: 'full' };
      const isFull = verdict.status === 'full';
      if (isFull && now < add.deadlineMs) {
        firstDeadlineMs = Math.min(firstDeadlineMs, add.deadlineMs);
      } else {
        this.#finish(add, () => add.result.resolve(verdict));
      }
    });
    if (reply.verdicts.some(({ status }) => status === 'full')) this.#context.onFull();
    return firstDeadlineMs === Infinity ? undefined : Math.max(1, firstDeadlineMs - now);
  }

  #nextCall(): PendingAdd[] {
    const adds: PendingAdd[] = [];
    let bytes = 0;
    for (const add of this.#pending) {
      bytes += add.item.payload.length;
      if (adds.length > 0 && bytes > MAX_BYTES_PER_CALL) break;
      adds.push(add);
      if (adds.length === this.#context.maxItems) break;
    }
    return adds;
  }

  #finish(add: PendingAdd, settle: () => void): void {
    this.#pending.delete(add);
    settle();
  }
}

function failureOf({ item }: PendingAdd, error: unknown): unknown {
  const isUnknown = error instanceof StoreFailedError && error.outcome === 'unknown';
  return isUnknown ? new AmbiguousAddError(item.idempotencyKey, error) : error;
}
