/** 0 is the most urgent of eight. */
export type Priority = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7;

export const PRIORITY_COUNT = 8;

/** What a queue asks of its store, resolved: the same in every process that uses the queue. */
export interface QueueSettings {
  /** Of what is ready, delayed, leased or waits behind its key; dead letters have a budget of their own. */
  readonly limits: Budget;
  readonly dead: Budget & {
    /**
     * What happens to an item that should die when there is no room among the dead: it stays in the queue and is
     * retried after a minute (`keep`), or the oldest dead letters make room.
     */
    readonly whenFull: 'keep' | 'drop-oldest';
    /** How long a dead letter is kept, milliseconds. `Infinity`: until it is redriven or purged. */
    readonly retentionMs: number;
  };
  /** Attempts before an item whose leases ran out is dead. */
  readonly maxTries: number;
  /** An item of priority p is served as if it had become ready p × agingMs later. `Infinity`: strictly by priority. */
  readonly agingMs: number;
  /** Items of one key that may be ready, delayed or leased at a time; 1 is strict order. */
  readonly keyConcurrency: number;
  /** What a dead item does to its key: the next one follows, or the key halts until the item is redriven or purged. */
  readonly onPoison: 'advance' | 'halt-key';
  readonly idempotency: { readonly windowMs: number; readonly maxKeys: number };
  /** A bucket of `count` permits to claim an item, which fills up in `perMs` milliseconds. */
  readonly rate: { readonly count: number; readonly perMs: number } | undefined;
  readonly overflow: StoreOverflow;
}

export interface Budget {
  readonly maxCount: number;
  /** Of the payloads. */
  readonly maxBytes: number;
}

/** What the store itself does about an item that finds no room; waiting and spilling are the producer's. */
export type StoreOverflow =
  | { readonly kind: 'refuse' }
  /** Ready items of a lower priority make room: of the lowest first, and of one the oldest or the newest. */
  | {
      readonly kind: 'evict';
      readonly victims: 'oldest' | 'newest';
      readonly to: 'dead' | 'drop';
    }
  /**
   * From the fill `above` on, a share of the items of `minPriority` and less urgent ones is taken, which falls from 1 to
   * `floor` as the queue fills up.
   */
  | {
      readonly kind: 'sample';
      readonly above: number;
      readonly minPriority: Priority;
      readonly floor: number;
    };

/** An item as a producer hands it over. */
export interface NewItem {
  readonly payload: Uint8Array;
  readonly priority: Priority;
  /** 0: ready at once. */
  readonly delayMs: number;
  /** Items of one key are delivered in the order of their arrival. */
  readonly key?: string | undefined;
  /** A second item with it within the window is a duplicate, also when the first is done. */
  readonly idempotencyKey?: string | undefined;
  readonly coalesce?: Coalescing | undefined;
  /** From 0 up to 1: when a share of the items is taken, this one is if it is below the share. */
  readonly draw: number;
}

/** What to do when an item with the same coalescing key is held that was never claimed. */
export interface Coalescing {
  readonly key: string;
  /** `fold`: the producer folds the payload into the held one, and sends it again with the `revision` that it has seen. */
  readonly mode: 'replace' | 'keep-first' | 'fold';
  readonly revision?: number | undefined;
}

export type EnqueueVerdict =
  /** `sampleRate` below 1: the share of items that were taken when this one was. */
  | { readonly status: 'accepted'; readonly id: string; readonly sampleRate: number }
  | { readonly status: 'duplicate'; readonly id: string }
  | { readonly status: 'coalesced'; readonly id: string }
  /** The held item to fold into; undefined when a revision was given and what had it is not there any more. */
  | { readonly status: 'fold'; readonly held: FoldTarget | undefined }
  | { readonly status: 'sampled-out'; readonly sampleRate: number }
  /** `isReplacing`: of the bytes by which it is longer than the held item whose place it would have taken. */
  | { readonly status: 'full'; readonly isReplacing?: boolean | undefined };

export interface FoldTarget {
  readonly revision: number;
  readonly payload: Uint8Array;
}

export interface EnqueueReply {
  /** One for each item. */
  readonly verdicts: readonly EnqueueVerdict[];
  /** What the queue holds after the call. */
  readonly count: number;
  readonly bytes: number;
  /** Items that made room for these. */
  readonly evicted: number;
}

/** What one consumer holds of an item for a time. The attempt is the fencing token: it only grows. */
export interface Lease {
  readonly id: string;
  /** The first is 1. */
  readonly attempt: number;
}

export interface ClaimedItem extends Lease {
  readonly payload: Uint8Array;
  /** Attempts since the item was added or redriven, this one included. */
  readonly tries: number;
  readonly priority: Priority;
  readonly key: string | undefined;
  /** By the store's clock, milliseconds since the epoch. */
  readonly enqueuedAtMs: number;
  readonly sampleRate: number;
}

export interface Claim {
  readonly items: readonly ClaimedItem[];
  /** Items whose last lease ran out with all attempts used: they are dead letters now. */
  readonly died: readonly Lease[];
  /** True: nothing more was ready, so that another claim is of no use before there are news. */
  readonly isAll?: boolean | undefined;
  /** When a delayed or leased item or the next permit of the rate is due; undefined when there is nothing to wait for. */
  readonly nextInMs: number | undefined;
}

export type Settlement = Lease &
  (
    | { readonly status: 'ack' }
    /** Ready again after the delay, behind those that are ready then. */
    | { readonly status: 'retry'; readonly delayMs: number }
    /** Ready again at once, before all others: it was claimed and not started. */
    | { readonly status: 'release' }
    | { readonly status: 'dead'; readonly reason: string }
  );

/** `kept`: it should have died, and there is no room among the dead. */
export type SettleAnswer = 'settled' | 'stale' | 'kept';

export interface StoredDead extends Lease {
  readonly payload: Uint8Array;
  readonly priority: Priority;
  readonly key: string | undefined;
  readonly reason: string;
  readonly enqueuedAtMs: number;
  readonly diedAtMs: number;
}

export interface DeadPage {
  /** The oldest first. */
  readonly letters: readonly StoredDead[];
  /** Where the next page begins; undefined behind the last. */
  readonly next: string | undefined;
}

export interface RedriveReply {
  readonly redriven: number;
  /** Dead letters for which the queue has no room. */
  readonly full: number;
}

export type PauseTarget =
  | { readonly kind: 'queue' }
  | { readonly kind: 'priority'; readonly priority: Priority }
  | { readonly kind: 'key'; readonly key: string };

export interface StoreStats {
  /** Of the items in the queue; `leased` counts leases that ran out until the next claim takes them back. */
  readonly ready: number;
  /** Of the ready ones, from priority 0 to 7. */
  readonly readyByPriority: readonly number[];
  readonly delayed: number;
  readonly leased: number;
  /** Behind another item of their key, or behind a key that is paused or halted. */
  readonly waiting: number;
  /** All of them, and the bytes of their payloads. */
  readonly count: number;
  readonly bytes: number;
  /** How long the item that became ready first has been ready, milliseconds. */
  readonly oldestReadyMs: number | undefined;
  readonly dead: number;
  readonly deadBytes: number;
  /** What left without being done, since the queue exists. */
  readonly dropped: {
    readonly evicted: number;
    readonly deadOverflow: number;
    readonly deadExpired: number;
  };
  /** Targets that are paused, halted keys included. */
  readonly paused: readonly PauseTarget[];
}

/** Most items in one call, unless the store says otherwise. */
export const MAX_ITEMS_PER_CALL = 250;

/** The reason of a dead letter whose consumers all ended without settling it. */
export const LEASES_RAN_OUT = 'its leases ran out: every consumer ended without settling it';

/** The reason of a dead letter that made room for a more urgent item. */
export const EVICTED = 'evicted: it made room for an item of a higher priority';

/** How long an item that should die waits for room among the dead, milliseconds. */
export const KEPT_DELAY_MS = 60_000;

/**
 * How long an item stays hidden after its lease ran out: not at all at first, so that the work of an ended consumer goes
 * on at once; from the third attempt on ever longer, since it may be what ends the consumers.
 *
 * @param tries how many attempts it has had.
 */
export function crashDelayMs(tries: number): number {
  return tries < 3 ? 0 : Math.min(60_000, 1000 * 2 ** (tries - 3));
}

/**
 * Where items live. A call rejects with a `StoreFailedError`, or with an error that says why the store cannot be used at
 * all.
 */
export interface QueueStore {
  /** Most items in one `enqueue`, `claim`, `settle` or `extend`. Default 250. */
  readonly maxItemsPerCall?: number | undefined;
  /** Parts over which it spreads each queue and its bounds, so that each of these must be at least as many. Default 1. */
  readonly shards?: number | undefined;
  /** Called once by each queue before anything else, and again when it failed. */
  open(): Promise<void>;
  /** Called once for each `open` that succeeded. */
  close(): Promise<void>;
  /** Queues of one name on one store are one queue. */
  queue(name: string, settings: QueueSettings): StoredQueue;
}

/** One queue in its store. Every call is atomic and may be made by many processes at a time; time is the store's. */
export interface StoredQueue {
  /** True: calls of one process take effect in the order in which it makes them, also while earlier ones have no answer. */
  readonly isOrdered?: boolean | undefined;
  /**
   * Looks at each item in turn: whether it is a duplicate, is to be coalesced, is sampled out, finds room. Resolves when
   * what was taken is as durable as the store makes it.
   *
   * @param transaction the caller's own, of the store's driver: the items are held when it commits. Anything else is
   *   `TRANSACTION_INVALID`; stores that have no transactions throw `TRANSACTION_UNSUPPORTED`.
   * @param awaited of a store that is ordered: so many items the process claims right behind this call, so that no other
   *   need be woken for them. Default 0.
   */
  enqueue(
    items: readonly NewItem[],
    transaction?: unknown,
    awaited?: number,
  ): Promise<EnqueueReply>;
  /**
   * Takes back leases that ran out (to the front, later, or to the dead letters), makes due items ready (at the end), then
   * leases up to `maxItems` ready items: always the one whose ready time plus priority × agingMs is the earliest.
   */
  claim(request: { readonly maxItems: number; readonly leaseMs: number }): Promise<Claim>;
  /** A stale settlement changes nothing. */
  settle(settlements: readonly Settlement[]): Promise<readonly SettleAnswer[]>;
  /** Makes each lease run out `leaseMs` from now; answers for each whether it was still held. */
  extend(leases: readonly Lease[], leaseMs: number): Promise<readonly boolean[]>;
  stats(): Promise<StoreStats>;
  listDead(page: {
    readonly limit: number;
    readonly after?: string | undefined;
  }): Promise<DeadPage>;
  /** Makes dead letters ready again with fresh tries. The one that halts its key finds room in any case. */
  redrive(ids: readonly string[]): Promise<RedriveReply>;
  /** Deletes dead letters; resolves with their number. */
  purge(ids: readonly string[]): Promise<number>;
  /** What is leased stays with its consumer. Resuming a key that halted lets the next item follow. */
  setPaused(target: PauseTarget, isPaused: boolean): Promise<void>;
  /**
   * Agrees with the other processes on what all must have alike, before the first call; where it fails, so does the opening.
   * Rejects with `STORE_SHARDS_DIFFER` when the queue must not be used with the store's number of shards.
   */
  agree?(): Promise<void>;
  /** Whether a call has failed with `error` because they no longer agree: `agree` is called again before the next one. */
  mustAgree?(error: unknown): boolean;
  /** Writes down the settings for the tools of operators; queues do not read them. A store may do without. */
  recordSettings?(): Promise<void>;
  /**
   * Calls `onNews` when items may have become ready, also by another process; where it tells one process alone, one that has
   * `demand`, by default always. Returns what ends that.
   */
  watch(onNews: () => void, demand?: Demand): () => Promise<void>;
}

/** Whether somebody in this process claims at once when there are news. */
export interface Demand {
  readonly isIdle: () => boolean;
  /** Resolves when that is so, or when `signal` aborts. */
  readonly untilIdle: (signal: AbortSignal) => Promise<void>;
}
