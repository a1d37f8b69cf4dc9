import type { Clock, Random } from '@holdfast/internal';
import type { Codec, Limits } from '../queue-options.ts';
import type { Resolver } from './conflict.ts';
import type { LinkTrouble } from './link.ts';
import type { Doc, Hlc, NewOp, Op } from './op.ts';
import type { OutboxConnection, OutboxStore, UnitState } from './outbox-store.ts';
import type { StallReason } from './stall.ts';
import type { OpResult, Push } from './wire.ts';

/** How a ticket ends. */
export type TicketEnd =
  /** The server has applied it; `results` has an entry for each op where the server gave them. */
  | { readonly status: 'applied'; readonly results: readonly OpResult[] }
  /** A conflict was resolved in favour of the server's document. */
  | { readonly status: 'superseded'; readonly theirs: Doc | null }
  /** Taken back before it was sent: by `cancel`, by a later delete, or by the rollback of the caller's transaction. */
  | { readonly status: 'cancelled' }
  /** It cannot be applied as it is, and is kept with this reason. After a redrive its id ends once more. */
  | { readonly status: 'quarantined'; readonly reason: string };

/** The receipt for an edit that is durable. */
export interface Ticket {
  readonly id: string;
  /** It went into the unit of an earlier edit, whose ticket this is as well. */
  readonly isCoalesced: boolean;
  /** Resolves with how it ended; rejects with `OUTBOX_CLOSED` when the outbox is closed before. */
  readonly settled: Promise<TicketEnd>;
}

export interface EnqueueOptions {
  /** From 0, the most urgent, to 7. Default 3. */
  readonly priority?: number | undefined;
  /** Ids of tickets that must be applied before. One that is not held any more counts as applied. */
  readonly dependsOn?: readonly string[] | undefined;
}

/** Whether the host has a network. A hint: it makes the outbox ask sooner or later, and never keeps it from asking. */
export interface OnlineSignal {
  isOnline(): boolean;
  /** Calls `listener` when it may have changed; returns the function that ends that. */
  subscribe(listener: () => void): () => void;
}

export interface OutboxBatchOptions {
  /** Units in a request at most. Default 100. */
  readonly maxOps?: number | undefined;
  /** Bytes of their bodies at most, unless one alone has more. Default 262 144. */
  readonly maxBytes?: number | undefined;
  /** How long to gather before a request, milliseconds. Default 10. */
  readonly lingerMs?: number | undefined;
  /** Requests at a time. Default 2. */
  readonly concurrency?: number | undefined;
  /** How long to wait for an answer, milliseconds. Default 30 000. */
  readonly timeoutMs?: number | undefined;
}

export interface OutboxRetryOptions {
  /** First delay, milliseconds. Default 500. Jitter is full. */
  readonly baseMs?: number | undefined;
  /** Longest delay of one unit, milliseconds. Default 60 000. */
  readonly capMs?: number | undefined;
  /** Longest delay between two probes of a server that does not answer, milliseconds. Default 30 000. */
  readonly probeCapMs?: number | undefined;
  /** How long the probes of many clients are spread when the network comes back, milliseconds. Default 1000. */
  readonly spreadMs?: number | undefined;
  /** Verdicts `retry` before a unit is quarantined. Default 10. */
  readonly maxAttempts?: number | undefined;
  /** Conflicts of one unit that are resolved before it is quarantined. Default 5. */
  readonly maxRounds?: number | undefined;
  /** Requests that repeat, for each that succeeds. Default 0.1. */
  readonly budgetRatio?: number | undefined;
  /** Requests that may repeat in any second. Default 1. */
  readonly budgetPerSecond?: number | undefined;
}

export interface OutboxOptions {
  readonly store: OutboxStore;
  readonly push: Push;
  /** Whose edits these are, for the server. */
  readonly clientId: string;
  /** Of all that is held, quarantine included. `maxItemBytes` is of one edit, or one group. */
  readonly limits: Limits;
  /** One for all, or one for each entity. Default: `resolvers.merge()`, which quarantines what it cannot decide. */
  readonly conflict?: Resolver | Readonly<Record<string, Resolver>> | undefined;
  readonly batch?: OutboxBatchOptions | undefined;
  readonly retry?: OutboxRetryOptions | undefined;
  /** Default: JSON. */
  readonly codec?: Codec<readonly Op[]> | undefined;
  readonly online?: OnlineSignal | undefined;
  /** Default 60 000. */
  readonly stallAfterMs?: number | undefined;
  /** How far in the future a time of the server may be, milliseconds. Default 60 000. */
  readonly maxDriftMs?: number | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: Random | undefined;
}

/** Something that is held. */
export interface HeldOps {
  readonly id: string;
  readonly state: UnitState;
  /** Undefined: the codec cannot read it. */
  readonly ops: readonly Op[] | undefined;
  readonly payload: Uint8Array;
  readonly priority: number;
  readonly attempt: number;
  readonly enqueuedAtMs: number;
}

export interface QuarantinedOps extends HeldOps {
  readonly reason: string;
  readonly quarantinedAtMs: number;
}

export interface PageOptions {
  /** From 1 to 1000. Default 100. */
  readonly limit?: number | undefined;
  /** Go on after the one with this id. */
  readonly after?: string | undefined;
}

/** `entity` and `id` together: one document. */
export interface PendingQuery extends PageOptions {
  readonly entity?: string | undefined;
  readonly id?: string | undefined;
}

export interface Quarantine {
  /** In order of arrival. */
  list(options?: PageOptions): Promise<QuarantinedOps[]>;
  /** Sends them again (default: all), after what their lanes hold; resolves with their number. */
  redrive(options?: { readonly ids?: readonly string[] | undefined }): Promise<number>;
  /** Deletes them for good (default: all); resolves with their number. What depends on them is quarantined. */
  purge(options?: { readonly ids?: readonly string[] | undefined }): Promise<number>;
}

export interface OutboxEvents {
  readonly settled: { readonly id: string; readonly end: TicketEnd };
  readonly conflict: {
    readonly id: string;
    readonly round: number;
    readonly use: 'server' | 'client' | 'merged' | 'quarantine';
  };
  /** Nothing has moved for `stallAfterMs`; told again after as long. */
  readonly stalled: { readonly reason: StallReason; readonly id: string; readonly forMs: number };
  readonly link: { readonly isUp: boolean; readonly trouble: LinkTrouble | undefined };
  /** A request got no answer, or one that is none. It is sent again. */
  readonly pushFailed: { readonly error: unknown; readonly ops: number };
  /** The store failed. What was not written is done again. */
  readonly storeError: { readonly error: unknown };
}

/** What this outbox has seen, as plain JSON; held units of earlier runs count in `held`. */
export interface OutboxSnapshot {
  readonly state: 'idle' | 'running' | 'closing' | 'closed';
  readonly link: 'unproven' | 'up' | LinkTrouble;
  readonly held: number;
  readonly heldBytes: number;
  readonly quarantined: number;
  readonly enqueued: number;
  readonly coalesced: number;
  readonly applied: number;
  readonly superseded: number;
  readonly cancelled: number;
  readonly conflicts: number;
  readonly retries: number;
  readonly requests: number;
  readonly failedRequests: number;
  readonly storeErrors: number;
  readonly inFlight: number;
  readonly stalled: StallReason | null;
}

export interface SyncReport {
  /** Settled while it ran. */
  readonly applied: number;
  readonly quarantined: number;
  /** Held when it ended, without the quarantine. */
  readonly left: number;
  readonly link: OutboxSnapshot['link'];
}

export interface Outbox {
  /**
   * Opens the store and sends from now on. Rejects with `OUTBOX_IN_USE`, `STORE_KEY_WRONG`, `STORE_SCHEMA_NEWER`, …; the next
   * call tries again then.
   */
  start(): Promise<void>;
  /**
   * Resolves when the edit is durable; an array is an atomic group. Rejects with `OUTBOX_FULL`, `ITEM_TOO_LARGE`,
   * `PAYLOAD_INVALID`, `OUTBOX_CLOSED`, `STORE_FAILED` or a `TypeError`: then it is not held (with the outcome `unknown`
   * of `STORE_FAILED` it may be).
   */
  enqueue(op: NewOp | readonly NewOp[], options?: EnqueueOptions): Promise<Ticket>;
  /**
   * The same as part of a transaction that the caller has begun on a connection of its own to the store's file: durable
   * when that is committed, cancelled when it is rolled back. The outbox must be started.
   */
  enqueueWithin(
    connection: OutboxConnection,
    op: NewOp | readonly NewOp[],
    options?: EnqueueOptions,
  ): Ticket;
  /** Tries at once, also when it is not started; resolves when nothing more can be sent for now. */
  sync(options?: { readonly signal?: AbortSignal | undefined }): Promise<SyncReport>;
  /** What is held, quarantine included, in order of arrival; of one document, without quarantine, in order of its lane. */
  pending(query?: PendingQuery): Promise<HeldOps[]>;
  /** The document as it will be: the server's, with what is held applied to it. Undefined: there is none. */
  overlay(entity: string, id: string, serverDoc?: Doc): Promise<Doc | undefined>;
  /** Takes an edit back; false: it was sent, others depend on it, or it is not held. */
  cancel(id: string): Promise<boolean>;
  /** Learns of another's time, for example of a document that was pulled. */
  observe(at: Hlc): void;
  readonly quarantine: Quarantine;
  snapshot(): OutboxSnapshot;
  /** Adds a listener and returns the function that removes it. */
  on<K extends keyof OutboxEvents>(
    event: K,
    listener: (payload: OutboxEvents[K]) => void,
  ): () => void;
  /** Ends what is under way, without waiting for answers, and closes the store. All that is held is kept. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}
