import type { AddOptions, Added, Pressure, Verdict } from './adding.ts';
import type {
  BatchHandler,
  ConsumeBatchOptions,
  ConsumeOptions,
  Consumer,
  Handler,
} from './consuming.ts';
import type { DeadLetters } from './dead-letter.ts';
import type { PauseTarget, StoreStats } from './store.ts';

export type StoreOperation =
  | 'open'
  | 'record'
  | 'enqueue'
  | 'claim'
  | 'settle'
  | 'extend'
  | 'stats'
  | 'dead'
  | 'pause'
  | 'spill';

export interface QueueEvents {
  /** The fill or the age of the oldest item has passed its threshold: once an incident. */
  readonly pressureRaised: {
    readonly cause: 'count' | 'bytes' | 'age';
    readonly fill: number;
    readonly oldestMs: number | undefined;
    readonly fullInMs: number | undefined;
  };
  /** The incident is over. */
  readonly pressureCleared: {
    readonly cause: 'count' | 'bytes' | 'age';
    readonly lastedMs: number;
  };
  /** An item found no room; told once until an item is accepted again. */
  readonly full: { readonly pendingAdds: number };
  readonly evicted: { readonly count: number };
  readonly dead: { readonly id: string; readonly attempt: number; readonly reason: string };
  readonly leaseLost: { readonly id: string; readonly attempt: number };
  /** The store refused to settle an item because its lease was not held; `isRepeat`: perhaps settled by a call before whose answer was lost. */
  readonly staleSettle: {
    readonly id: string;
    readonly attempt: number;
    readonly status: 'ack' | 'retry' | 'release' | 'dead';
    readonly isRepeat: boolean;
  };
  /** A call of the store failed. Consumers go on by themselves when it is back. */
  readonly storeError: { readonly operation: StoreOperation; readonly error: unknown };
}

/** What this queue object has seen, as plain JSON; `stats()` asks the store. */
export interface QueueSnapshot {
  readonly state: 'open' | 'closing' | 'closed';
  readonly pressure: Pressure;
  /** Items by what became of their `add`. */
  readonly accepted: number;
  readonly duplicate: number;
  readonly coalesced: number;
  readonly sampledOut: number;
  readonly spilled: number;
  readonly rejected: number;
  /** Items that made room for what was accepted here. */
  readonly evicted: number;
  /** Items by what became of their delivery. */
  readonly delivered: number;
  readonly acked: number;
  readonly retried: number;
  readonly released: number;
  readonly dead: number;
  /** They should have died, and there was no room among the dead. */
  readonly kept: number;
  readonly leasesLost: number;
  readonly staleSettles: number;
  readonly storeErrors: number;
  readonly pendingAdds: number;
  readonly inFlight: number;
  readonly consumers: number;
}

export interface Queue<T> {
  /** Opens the store, so that a wrong configuration shows now. Other calls do it by themselves. */
  start(): Promise<void>;
  /**
   * Resolves when the store holds the item, or knows that it need not. Rejects with `QUEUE_FULL`, `ITEM_TOO_LARGE`,
   * `PAYLOAD_INVALID`, `QUEUE_CLOSED`, `STORE_FAILED` (the item is not held), `AMBIGUOUS_ADD` (it may be held: with an
   * `idempotencyKey` repeating it is harmless) or `signal.reason`, after which a call already on its way may still be
   * applied.
   */
  add(value: T, options?: AddOptions<T>): Promise<Added>;
  /**
   * Adds many values in order and tells about each. Rejects with `QUEUE_CLOSED`, with `signal.reason` (some may be
   * added then), or, before anything is added, with the `TypeError` or `RangeError` of a wrong option or with
   * `PAYLOAD_INVALID`, whose `index` says which value the codec cannot encode.
   */
  addMany(
    values: Iterable<T>,
    options?: AddOptions<T> | ((value: T) => AddOptions<T>),
  ): Promise<Verdict[]>;
  /** Starts to deliver batches. */
  consume(handler: BatchHandler<T>, options?: ConsumeBatchOptions): Consumer;
  /** Starts to deliver items one by one, `concurrency` at a time. */
  consumeEach(handler: Handler<T>, options?: ConsumeOptions): Consumer;
  /** Nothing of the target (default: the queue) is delivered until `resume`, in whatever process. */
  pause(target?: PauseTarget): Promise<void>;
  /** Also lets a key go on that a dead letter has halted. */
  resume(target?: PauseTarget): Promise<void>;
  readonly dead: DeadLetters<T>;
  stats(): Promise<StoreStats>;
  snapshot(): QueueSnapshot;
  /** Adds a listener and returns the function that removes it. */
  on<K extends keyof QueueEvents>(
    event: K,
    listener: (payload: QueueEvents[K]) => void,
  ): () => void;
  /**
   * Closes the consumers, rejects adds that wait for room, and resolves when nothing of the queue still runs. A handler of
   * the queue must not await it, for it waits for the handler.
   */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}
