import type { Clock } from '@holdfast/internal';
import type { Op } from '../outbox/op.ts';
import type { OpResult, PushOutcome, PushReply } from '../outbox/wire.ts';
import type { ReceiptStore } from './receipt-store.ts';

export interface ApplyContext<Tx> {
  /** Write through it, and only through it: the effect and its receipt are committed together. */
  readonly tx: Tx;
  readonly clientId: string;
  /** Idempotency key of the unit. */
  readonly key: string;
}

/** What applying an op has given; the verdicts of the protocol, of one op. */
export type ApplyOutcome =
  | ({ readonly status: 'applied' } & OpResult)
  | Omit<Extract<PushOutcome, { status: 'conflict' }>, 'index'>
  | Extract<PushOutcome, { status: 'retry' | 'rejected' | 'auth' }>;

/** Applies one op. Rejecting takes its effect back and makes the client send it again. */
export type Apply<Tx> = (op: Op, context: ApplyContext<Tx>) => Promise<ApplyOutcome>;

export interface ReceiverOptions<Tx> {
  readonly store: ReceiptStore<Tx>;
  readonly apply: Apply<Tx>;
  readonly limits?: ReceiverLimits | undefined;
  readonly receipts?:
    | {
        /** Receipts of one client's store at most; the oldest go first. Default 10 000. */
        readonly maxPerStream?: number | undefined;
        /** Default 30 days. */
        readonly maxAgeMs?: number | undefined;
      }
    | undefined;
  readonly clock?: Clock | undefined;
}

export interface ReceiverLimits {
  /** Units in a request. Default 1000. */
  readonly maxOps?: number | undefined;
  /** Bytes of the body of one unit. Default 1 048 576. */
  readonly maxBodyBytes?: number | undefined;
}

export interface ReceiverEvents {
  /** `apply` rejected. The client will send the unit again. */
  readonly applyFailed: {
    readonly clientId: string;
    readonly key: string;
    readonly error: unknown;
  };
}

/** What this receiver has seen, as plain JSON. */
export interface ReceiverSnapshot {
  readonly requests: number;
  readonly applied: number;
  /** Answered from a receipt. */
  readonly repeated: number;
  readonly conflicts: number;
  readonly rejected: number;
  readonly retried: number;
  readonly failedRequests: number;
}

export interface Receiver {
  /**
   * Applies a request as it came and resolves with the answer for the client. Rejects with `PUSH_REQUEST_INVALID` when
   * it is none (HTTP 400), and with the failure of the store (HTTP 503): the client then sends it again.
   */
  receive(request: unknown): Promise<PushReply>;
  /** Forgets receipts of all clients that are older than `receipts.maxAgeMs`; resolves with their number. */
  prune(): Promise<number>;
  snapshot(): ReceiverSnapshot;
  /** Adds a listener and returns the function that removes it. */
  on<K extends keyof ReceiverEvents>(
    event: K,
    listener: (payload: ReceiverEvents[K]) => void,
  ): () => void;
  /** Waits for the requests that run, and closes the store. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}
