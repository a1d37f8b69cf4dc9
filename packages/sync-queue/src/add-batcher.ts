import { onAbort, type Clock } from '@holdfast/internal';
import { AmbiguousAddError, StoreFailedError } from './errors.ts';
import type { EnqueueReply, EnqueueVerdict, NewItem } from './store.ts';
import { Wakeup } from './wakeup.ts';
import { told, type AddVerdict } from './why-full.ts';

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

/** What is told, once, of an item that was submitted. */
export interface AddResult {
  resolve(verdict: AddVerdict): void;
  /** With `STORE_FAILED`, `AMBIGUOUS_ADD` or the reason of the abort. */
  reject(reason: unknown): void;
}

interface PendingAdd {
  readonly item: NewItem;
  readonly deadlineMs: number;
  readonly result: AddResult;
  /** Its signal is not listened to any more. */
  off: (() => void) | undefined;
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

  /** Without promises of its own: many items are on their way at a time. */
  submit(item: NewItem, signal: AbortSignal | undefined, result: AddResult): void {
    if (this.#pending.size >= this.#context.maxPending) {
      result.resolve({ status: 'full', by: 'pending' });
      return;
    }
    if (signal?.aborted === true) {
      result.reject(signal.reason);
      return;
    }
    const deadlineMs = this.#context.clock.now() + this.#context.waitMs;
    const add: PendingAdd = { item, deadlineMs, result, off: undefined };
    if (signal !== undefined) add.off = onAbort(signal, (reason) => this.#fail(add, reason));
    this.#pending.add(add);
    this.#startPump();
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
          this.#fail(add, this.#closing.signal.reason);
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
      for (const add of adds) this.#fail(add, failureOf(add, error));
      return undefined;
    }
    this.#context.onReply(reply);
    const now = this.#context.clock.now();
    let firstDeadlineMs = Infinity;
    let full = 0;
    adds.forEach((add, index) => {
      const verdict: EnqueueVerdict = reply.verdicts[index] ?? { status: 'full' };
      if (verdict.status === 'full') {
        full += 1;
        if (now < add.deadlineMs) {
          firstDeadlineMs = Math.min(firstDeadlineMs, add.deadlineMs);
          return;
        }
      }
      if (!this.#take(add)) return;
      add.result.resolve(told(verdict, reply, add.item.payload.length));
    });
    if (full > 0) this.#context.onFull();
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

  #fail(add: PendingAdd, reason: unknown): void {
    if (this.#take(add)) add.result.reject(reason);
  }

  /** False: it has been told what became of it. */
  #take(add: PendingAdd): boolean {
    if (!this.#pending.delete(add)) return false;
    add.off?.();
    return true;
  }
}

function failureOf({ item }: PendingAdd, error: unknown): unknown {
  const isUnknown = error instanceof StoreFailedError && error.outcome === 'unknown';
  return isUnknown ? new AmbiguousAddError(item.idempotencyKey, error) : error;
}
