import type { Clock, Random } from '@holdfast/internal';
import type { QueueStore, StoreStats } from './store.ts';

/** How values become bytes. */
export interface Codec<T> {
  encode(value: T): string | Uint8Array;
  /** What it throws makes the item a dead letter with its raw bytes. */
  decode(payload: Uint8Array): T;
}

/** Anything that runs a function under a policy, for example a circuit breaker. */
export interface Guard {
  execute<T>(
    fn: (context: { readonly signal: AbortSignal }) => Promise<T>,
    options?: { readonly signal?: AbortSignal },
  ): Promise<T>;
}

/** Bounds of what the store holds for the queue: ready, delayed, leased and dead items together. */
export interface Limits {
  readonly maxCount: number;
  /** Of the encoded payloads. */
  readonly maxBytes: number;
  /** Default: `maxBytes`. */
  readonly maxItemBytes?: number | undefined;
}

/**
 * When there is no room: reject at once, or wait for room for some time and then reject. Who waits longest is tried
 * first, but a smaller item behind it may find room before.
 */
export type Overflow = 'reject' | { readonly waitMs: number };

export interface RetryOptions {
  /** Delay after the first failed attempt, milliseconds. Default 100. */
  readonly baseMs?: number | undefined;
  /** Longest delay, milliseconds. Default 20 000. */
  readonly capMs?: number | undefined;
  /** Default `full`. */
  readonly jitter?: 'none' | 'full' | 'equal' | undefined;
  /** Attempts before an item becomes a dead letter, crashed ones included. Default 10. */
  readonly maxAttempts?: number | undefined;
}

export interface QueueOptions<T> {
  /** Queues with one name on one store are one queue. Without NUL and halves of surrogate pairs. */
  readonly name: string;
  readonly store: QueueStore;
  readonly limits: Limits;
  readonly overflow: Overflow;
  /** How long a claimed item is hidden from others without an extension, milliseconds. Default 10 000. */
  readonly leaseMs?: number | undefined;
  readonly retry?: RetryOptions | undefined;
  /** Default: JSON. */
  readonly codec?: Codec<T> | undefined;
  /** Items of `add` and `addMany` that may await their answer at a time; one more is `QUEUE_FULL`. Default 10 000. */
  readonly maxPendingAdds?: number | undefined;
  /** Every call of the store but `close` runs through it. */
  readonly guard?: Guard | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: Random | undefined;
}

export interface AddOptions {
  /** Deliver it no sooner than this, milliseconds. Default 0. */
  readonly delayMs?: number | undefined;
  /**
   * Default: a random UUID. An id that the queue holds already is accepted and not added again. Without NUL and halves
   * of surrogate pairs.
   */
  readonly id?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What became of one item of `addMany`. */
export type Verdict =
  | { readonly status: 'accepted'; readonly id: string }
  | { readonly status: 'rejected'; readonly reason: 'full' | 'too-large' }
  /** The store failed; with `AMBIGUOUS_ADD` it may hold the item. */
  | { readonly status: 'failed'; readonly id: string; readonly error: unknown };

/** One item in a handler's hands. */
export interface Delivery<T> {
  readonly id: string;
  readonly value: T;
  /** Fencing token: grows with every delivery; the first is 1. */
  readonly attempt: number;
  /** By the store's clock, milliseconds since the epoch. */
  readonly enqueuedAtMs: number;
}

/** What a handler says about one item. */
export type Outcome =
  | { readonly id: string; readonly status: 'ack' }
  | {
      readonly id: string;
      readonly status: 'retry';
      /** Default: the back-off of `retry`. */
      readonly afterMs?: number | undefined;
      readonly error?: unknown;
    }
  | { readonly id: string; readonly status: 'dead'; readonly reason: string };

/**
 * Works on a batch. Resolving with nothing acknowledges all of it; an array tells about each item, and one that is left
 * out is retried; rejecting retries all. `signal` aborts with `LEASE_LOST` when another consumer may have the batch.
 */
export type Handler<T> = (
  batch: readonly Delivery<T>[],
  context: { readonly signal: AbortSignal },
) => Promise<void | readonly Outcome[]>;

export interface ConsumeOptions {
  /** Items in a batch at most, from 1 to 250. Default 100. */
  readonly maxBatch?: number | undefined;
  /** Batches worked on at a time. Default 1. */
  readonly concurrency?: number | undefined;
  /** How often an empty queue is looked at for items of other processes, milliseconds. Default 100. */
  readonly pollMs?: number | undefined;
  /** Closes the consumer. */
  readonly signal?: AbortSignal | undefined;
}

export interface Consumer {
  /** Items that handlers work on now. */
  readonly inFlight: number;
  /** Claims nothing more, gives back what was not started, and resolves when the running handlers are settled. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface DeadLetter<T> {
  readonly id: string;
  readonly attempt: number;
  readonly reason: string;
  readonly payload: Uint8Array;
  /** Undefined when the payload cannot be decoded. */
  readonly value: T | undefined;
  readonly enqueuedAtMs: number;
  readonly diedAtMs: number;
}

export interface DeadLetters<T> {
  /** The oldest first. `limit` is from 1 to 1000, default 100. */
  list(options?: { readonly limit?: number | undefined }): Promise<DeadLetter<T>[]>;
  /** Puts dead letters (default: all) back into the queue with fresh attempts; resolves with their number. */
  redrive(options?: { readonly ids?: readonly string[] | undefined }): Promise<number>;
  /** Deletes dead letters (default: all) for good; resolves with their number. */
  purge(options?: { readonly ids?: readonly string[] | undefined }): Promise<number>;
}

export interface QueueEvents {
  /** An item found no room; told once until an item is accepted again. */
  readonly full: { readonly pendingAdds: number };
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

export type StoreOperation = 'open' | 'enqueue' | 'claim' | 'settle' | 'extend' | 'stats' | 'dead';

/** What this queue object has seen, as plain JSON; `stats()` asks the store. */
export interface QueueSnapshot {
  readonly state: 'open' | 'closing' | 'closed';
  /** Items that the store took. */
  readonly accepted: number;
  /** Adds whose id the store held already, perhaps from a call whose answer was lost. */
  readonly duplicate: number;
  readonly rejected: number;
  readonly delivered: number;
  readonly acked: number;
  readonly retried: number;
  readonly dead: number;
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
   * Resolves when the store holds the item. Rejects with `QUEUE_FULL`, `ITEM_TOO_LARGE`, `QUEUE_CLOSED`,
   * `STORE_FAILED` (the item is not held), `AMBIGUOUS_ADD` (it may be held: repeat with the error's `id`) or
   * `signal.reason`, after which a call already on its way may still be applied.
   */
  add(value: T, options?: AddOptions): Promise<{ readonly id: string }>;
  /**
   * Adds many values in order and tells about each. Rejects with `QUEUE_CLOSED`, with `signal.reason` (some may be
   * added then), or, before anything is added, with the `TypeError` or `RangeError` of a wrong option or with what the
   * codec throws for a value.
   */
  addMany(values: Iterable<T>, options?: Omit<AddOptions, 'id'>): Promise<Verdict[]>;
  /** Starts to deliver items to `handler`. */
  consume(handler: Handler<T>, options?: ConsumeOptions): Consumer;
  readonly dead: DeadLetters<T>;
  stats(): Promise<StoreStats>;
  snapshot(): QueueSnapshot;
  /** Adds a listener and returns the function that removes it. */
  on<K extends keyof QueueEvents>(
    event: K,
    listener: (payload: QueueEvents[K]) => void,
  ): () => void;
  /** Closes the consumers, rejects adds that wait for room, and resolves when nothing of the queue still runs. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}
