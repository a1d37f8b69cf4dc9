import type { Doc, Hlc } from './op.ts';

/** One idempotent unit of work: an op, or an atomic group of ops. Sent again it is the same, byte for byte. */
export interface WireOp {
  /** Idempotency key, unique in its stream. */
  readonly key: string;
  /** Grows by one with each unit that a stream sends for the first time. */
  readonly seq: number;
  /** JSON of an array of ops; all of it is applied or nothing. */
  readonly body: string;
}

/** A batch, plain JSON. Without ops it only asks whether somebody is there. */
export interface PushRequest {
  readonly clientId: string;
  /** The client's store: what it counts `seq` in. */
  readonly streamId: string;
  /** The client has the final verdict of every unit up to this `seq`, and will never send one of them again. */
  readonly ackedSeq: number;
  readonly ops: readonly WireOp[];
}

/** What applying one op gave. */
export interface OpResult {
  /** Of the document now; later edits are based on it. */
  readonly version?: string | undefined;
  /** The document now, when it is not what the client would make of it. */
  readonly doc?: Doc | null | undefined;
}

/** What became of one unit. */
export type PushOutcome =
  /** `results` has one entry for each op. */
  | { readonly status: 'applied'; readonly results?: readonly OpResult[] | undefined }
  | {
      readonly status: 'conflict';
      /** Which op of a group; default 0. */
      readonly index?: number | undefined;
      /** The server's document; null: it has none. */
      readonly theirs: Doc | null;
      readonly version?: string | undefined;
      /** When the server's document was changed last. */
      readonly at?: Hlc | undefined;
    }
  /** Not applied for a reason that may pass. */
  | { readonly status: 'retry'; readonly afterMs?: number | undefined }
  /** Never to be applied. */
  | { readonly status: 'rejected'; readonly reason: string }
  /** Not applied: who sends it must sign in. */
  | { readonly status: 'auth' }
  /** It may have been applied. */
  | { readonly status: 'unknown' };

export type PushVerdict = PushOutcome & { readonly key: string };

export interface PushReply {
  /** One for each unit of the request, in any order. */
  readonly verdicts: readonly PushVerdict[];
  /** The server's wall clock: corrects a wrong one of the client. */
  readonly nowMs?: number | undefined;
}

/** A verdict for the whole request, for example made of an HTTP status: 401 is `auth`, 429 and 503 are `retry`. */
export type RequestVerdict = Extract<PushOutcome, { status: 'retry' | 'auth' | 'unknown' }>;

/**
 * Carries a request to the receiver and resolves with its answer as it came: it is checked, and what is no answer counts
 * as none. Rejecting means that nobody knows whether it was applied.
 */
export type Push = (
  request: PushRequest,
  context: { readonly signal: AbortSignal },
) => Promise<PushReply | RequestVerdict>;
