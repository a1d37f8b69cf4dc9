import type { Priority } from './store.ts';

export interface AddOptions<T> {
  /** 0 is the most urgent, 7 the least. Default 3. */
  readonly priority?: Priority | undefined;
  /** Deliver it no sooner than this, milliseconds. Default 0. */
  readonly delayMs?: number | undefined;
  /** Items of one key are delivered in the order of their arrival. */
  readonly key?: string | undefined;
  /** A second item with it, within the window, is a duplicate. */
  readonly idempotencyKey?: string | undefined;
  readonly coalesce?: CoalesceOptions<T> | undefined;
  /** Items of one text share their luck when only a share is taken: a trace or a device is taken whole. */
  readonly sampleKey?: string | undefined;
  /** A transaction of the store's driver: the item is held when it commits. */
  readonly transaction?: unknown;
  readonly signal?: AbortSignal | undefined;
}

/** What to do when an item with the same `key` is held that no consumer has seen. */
export type CoalesceOptions<T> =
  | { readonly key: string; readonly mode: 'replace' | 'keep-first' }
  /** The held item takes on what `fold` makes of its value and the added one. */
  | {
      readonly key: string;
      readonly mode: 'fold';
      readonly fold: (held: T, added: T) => T;
    };

/** How full the queue is, by the last reply of the store. */
export interface Pressure {
  /** `high` from `alerts.raiseAt` on, until the fill is back at `alerts.clearAt`. */
  readonly level: 'ok' | 'high' | 'full';
  /** Of items or bytes, whichever is more, from 0 to 1. */
  readonly fill: number;
  /** At the present growth; undefined while the queue does not grow. */
  readonly fullInMs: number | undefined;
}

/** What became of one added item. */
export type Added =
  /** `sampleRate` below 1: the share that was taken when this one was. */
  | {
      readonly status: 'accepted';
      readonly id: string;
      readonly sampleRate: number;
      readonly pressure: Pressure;
    }
  | { readonly status: 'duplicate' | 'coalesced'; readonly id: string; readonly pressure: Pressure }
  | { readonly status: 'sampled-out'; readonly sampleRate: number; readonly pressure: Pressure }
  /** It is on the spill, and goes to the queue from there. */
  | { readonly status: 'spilled'; readonly pressure: Pressure };

export type Verdict =
  | Added
  | {
      readonly status: 'rejected';
      readonly reason: 'full' | 'too-large';
      readonly pressure: Pressure;
    }
  /** The store failed; with `AMBIGUOUS_ADD` it may hold the item. */
  | { readonly status: 'failed'; readonly error: unknown; readonly pressure: Pressure };
