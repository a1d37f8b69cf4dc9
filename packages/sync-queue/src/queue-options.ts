import type { Clock, Random } from '@holdfast/internal';
import type { Budget, Priority, QueueStore } from './store.ts';

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

/** Bounds of what the store holds for the queue: ready, delayed, leased and waiting items together. */
export interface Limits extends Budget {
  /** Default: `maxBytes`. */
  readonly maxItemBytes?: number | undefined;
}

/** When there is no room for an item. With `waitMs`, what finds none waits for it that long, the longest waiting first. */
export type Overflow =
  | 'reject'
  | { readonly waitMs: number }
  /** Ready items of a lower priority make room; they go to the dead letters (default) or are dropped and counted. */
  | {
      readonly evict: 'oldest' | 'newest';
      readonly to?: 'dead' | 'drop' | undefined;
      readonly waitMs?: number | undefined;
    }
  /** Above a fill only a share of the less urgent items is taken, each with the share recorded as its `sampleRate`. */
  | { readonly sample: SampleOptions; readonly waitMs?: number | undefined }
  /** What finds no room, or no store, is kept on another store, in order, and handed on when there is room again. */
  | { readonly spill: SpillOptions };

export interface SampleOptions {
  /** The fill from which on a share is taken, which falls to `floor` as the queue fills up. Default 0.8. */
  readonly above?: number | undefined;
  /** The most urgent priority of which only a share is taken. Default 4. */
  readonly minPriority?: Priority | undefined;
  /** Default 0.01. */
  readonly floor?: number | undefined;
}

export interface SpillOptions {
  /** A store of this process, for example a file: `sqliteStore({ path })`. */
  readonly store: QueueStore;
  readonly limits: Budget;
}

export interface RetryOptions {
  /** Delay after the first failed attempt, milliseconds. Default 100. */
  readonly baseMs?: number | undefined;
  /** Longest delay, milliseconds. Default 20 000. */
  readonly capMs?: number | undefined;
  /** Default `full`. */
  readonly jitter?: 'none' | 'full' | 'equal' | undefined;
  /** Attempts before an item becomes a dead letter, crashed ones included. Default 10. */
  readonly maxAttempts?: number | undefined;
  /**
   * Retries in this process for each acknowledgement, with a reserve of `burst`; one more is delayed by `capMs` (Google,
   * "Site Reliability Engineering", chapter 21, 2016). Default: no budget.
   */
  readonly budget?: { readonly ratio: number; readonly burst: number } | undefined;
}

export interface OrderOptions {
  /** An item of priority p is served as if it had come p × agingMs later; `Infinity`: strict. Default 30 000. */
  readonly agingMs?: number | undefined;
  /** Items of one key that may be worked on at a time. Default 1: in order. */
  readonly keyConcurrency?: number | undefined;
  /** What a dead letter does to the rest of its key. Default `advance`. */
  readonly onPoison?: 'advance' | 'halt-key' | undefined;
}

export interface DeadOptions {
  /** Default: that of `limits`. */
  readonly maxCount?: number | undefined;
  /** Default: that of `limits`. */
  readonly maxBytes?: number | undefined;
  /** `keep` (default): what should die stays in the queue and comes back after a minute. */
  readonly whenFull?: 'keep' | 'drop-oldest' | undefined;
  /** Default: for ever. */
  readonly retentionMs?: number | undefined;
}

export interface AlertOptions {
  /** Fill, of items or bytes, at which an incident begins. Default 0.8. */
  readonly raiseAt?: number | undefined;
  /** Fill at which it ends. Default 0.6. */
  readonly clearAt?: number | undefined;
  /** Age of the oldest ready item at which an incident begins; it ends below half of it. Default: none. */
  readonly oldestMs?: number | undefined;
  /** How often the store is asked besides the replies to producers, milliseconds. Default 5000. */
  readonly everyMs?: number | undefined;
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
  readonly order?: OrderOptions | undefined;
  readonly dead?: DeadOptions | undefined;
  /** How long an idempotency key is remembered (default 1 hour), and how many of them at most (default 100 000). */
  readonly idempotency?:
    { readonly windowMs?: number | undefined; readonly maxKeys?: number | undefined } | undefined;
  /** A bucket of `count` deliveries, which fills up in `perMs` milliseconds, shared by all processes. */
  readonly rate?: { readonly count: number; readonly perMs: number } | undefined;
  readonly alerts?: AlertOptions | undefined;
  /** Default: JSON. */
  readonly codec?: Codec<T> | undefined;
  /** Items of `add` and `addMany` that may await their answer at a time; one more is `QUEUE_FULL`. Default 10 000. */
  readonly maxPendingAdds?: number | undefined;
  /** Every call of the store but `close` runs through it. */
  readonly guard?: Guard | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: Random | undefined;
}
