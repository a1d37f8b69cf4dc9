import type { Priority } from './store.ts';

/** One item in a handler's hands. */
export interface Delivery<T> {
  readonly id: string;
  readonly value: T;
  /** Fencing token: grows with every delivery; the first is 1. */
  readonly attempt: number;
  readonly priority: Priority;
  readonly key: string | undefined;
  /** By the store's clock, milliseconds since the epoch. */
  readonly enqueuedAtMs: number;
  /** This item stands for 1 / sampleRate items (D. Horvitz and D. Thompson, 1952). */
  readonly sampleRate: number;
}

/** What a handler says about one item. */
export type Outcome =
  | { readonly id: string; readonly status: 'ack' }
  | {
      readonly id: string;
      readonly status: 'retry';
      /** Default: `retryAfterMs` of the error, else the back-off of `retry`. */
      readonly afterMs?: number | undefined;
      readonly error?: unknown;
    }
  | { readonly id: string; readonly status: 'dead'; readonly reason: string }
  /** It was not started: ready again at once. */
  | { readonly id: string; readonly status: 'release' };

/**
 * Works on a batch. Resolving with nothing acknowledges all of it; an array tells about each item, and one that is left
 * out is retried; rejecting retries all. `signal` aborts with `LEASE_LOST` when another consumer may have the batch.
 */
export type BatchHandler<T> = (
  batch: readonly Delivery<T>[],
  context: { readonly signal: AbortSignal },
) => Promise<void | readonly Outcome[]>;

/**
 * Works on one item. Resolving with nothing acknowledges it; rejecting retries it. It gives a promise, so that the compiler
 * sees where one is forgotten: the item would be acknowledged before the work on it is done.
 */
export type Handler<T> = (
  delivery: Delivery<T>,
  context: { readonly signal: AbortSignal },
) => Promise<void | Outcome>;

export interface ConsumeOptions {
  /** Batches, or single items of `consumeEach`, that are worked on at a time. Default 1. */
  readonly concurrency?: number | undefined;
  /** How often an empty queue is looked at although nobody told of items, milliseconds. Default 1000. */
  readonly pollMs?: number | undefined;
  /** Closes the consumer. */
  readonly signal?: AbortSignal | undefined;
}

export interface ConsumeBatchOptions extends ConsumeOptions {
  /** Items in a batch at most, from 1 to the most that the store takes (PostgreSQL 1000, others 250). Default 100. */
  readonly maxBatch?: number | undefined;
}

export interface Consumer {
  /** Items that handlers work on now. */
  readonly inFlight: number;
  /**
   * Claims nothing more, gives back what was not started, and resolves when the running handlers are settled. A handler of
   * this consumer must not await it, for it waits for the handler: `void consumer.close()`.
   */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}
