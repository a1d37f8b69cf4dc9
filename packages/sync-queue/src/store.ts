/** An item as a producer hands it over. */
export interface NewItem {
  /** Made by the producer; the store takes an id once while it holds it. */
  readonly id: string;
  readonly payload: Uint8Array;
  /** 0: ready at once. */
  readonly delayMs: number;
}

/** `duplicate`: the store already holds an item with the id, so this one is as good as accepted. */
export type EnqueueVerdict = 'accepted' | 'duplicate' | 'full';

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
  /** By the store's clock, milliseconds since the epoch. */
  readonly enqueuedAtMs: number;
}

export interface Claim {
  readonly items: readonly ClaimedItem[];
  /** Items whose last lease ran out with all attempts used: they are dead letters now. */
  readonly died: readonly Lease[];
  /** When the next delayed or leased item becomes ready; undefined when there is none. */
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

export interface StoredDead extends Lease {
  readonly payload: Uint8Array;
  readonly reason: string;
  readonly enqueuedAtMs: number;
  readonly diedAtMs: number;
}

/** Items by state, and the bytes of all payloads together. */
export interface StoreStats {
  readonly ready: number;
  readonly delayed: number;
  /** Leases that ran out count until the next claim takes them back. */
  readonly leased: number;
  readonly dead: number;
  readonly bytes: number;
}

/** Most items in one call of `enqueue`, `claim`, `settle`, `extend` and `redrive`. */
export const MAX_ITEMS_PER_CALL = 250;

/** The reason of a dead letter whose consumers all ended without settling it. */
export const LEASES_RAN_OUT = 'its leases ran out: every consumer ended without settling it';

/**
 * Where items live. Every call is atomic and may be made by many processes at a time; time is the store's. What a call
 * rejects with is a `StoreFailedError`, or an error that says why the store cannot be used at all.
 */
export interface QueueStore {
  /** Called once by each queue before anything else, and again when it failed. */
  open(): Promise<void>;
  /** Called once for each `open` that succeeded. */
  close(): Promise<void>;
  /**
   * Takes each item for which there is room within both limits, dead letters counted, and answers for each. Resolves
   * when what was taken is as durable as the store makes it.
   */
  enqueue(
    queue: string,
    items: readonly NewItem[],
    limits: { readonly maxCount: number; readonly maxBytes: number },
  ): Promise<readonly EnqueueVerdict[]>;
  /**
   * Takes back leases that ran out (to the front, or to the dead letters when `maxTries` are used), makes due items
   * ready (at the end), then leases up to `maxItems` ready items in order.
   */
  claim(
    queue: string,
    options: { readonly maxItems: number; readonly leaseMs: number; readonly maxTries: number },
  ): Promise<Claim>;
  /** Answers for each whether the lease was still held; a stale one changes nothing. */
  settle(queue: string, settlements: readonly Settlement[]): Promise<readonly boolean[]>;
  /** Makes each lease run out `leaseMs` from now; answers for each whether it was still held. */
  extend(queue: string, leases: readonly Lease[], leaseMs: number): Promise<readonly boolean[]>;
  stats(queue: string): Promise<StoreStats>;
  /** The oldest dead letters first. */
  listDead(queue: string, limit: number): Promise<readonly StoredDead[]>;
  /** Makes dead letters ready again with fresh tries, the oldest first; resolves with their number. */
  redrive(queue: string, selection: DeadSelection): Promise<number>;
  /** Deletes dead letters, the oldest first; resolves with their number. */
  purge(queue: string, selection: DeadSelection): Promise<number>;
}

/** The dead letters with these ids, or the oldest ones. */
export type DeadSelection = { readonly ids: readonly string[] } | { readonly oldest: number };
