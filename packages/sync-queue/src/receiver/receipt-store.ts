import type { PushOutcome } from '../outbox/wire.ts';

/** What a receiver remembers of a unit that has its final verdict. */
export interface Receipt {
  readonly key: string;
  readonly seq: number;
  /** SHA-256 of the body: another body under the same key is another unit. */
  readonly digest: string;
  readonly outcome: FinalOutcome;
}

/** Verdicts that stay: the same unit gets them again. */
export type FinalOutcome = Extract<PushOutcome, { status: 'applied' | 'conflict' | 'rejected' }>;

/** What a receiver knows of a stream, which is the store of one client. */
export interface StreamMarks {
  /** The client has the verdicts up to this number; their receipts are gone. */
  readonly ackedSeq: number;
  /** Receipts up to this number may have been pruned without that. */
  readonly prunedSeq: number;
}

/** One transaction of a receipt store; `Tx` is what the application writes its effects with. */
export interface ReceiptSession<Tx> {
  readonly tx: Tx;
  /** Of the stream, which is locked until the transaction ends. */
  readonly marks: StreamMarks;
  find(keys: readonly string[]): Promise<ReadonlyMap<string, Receipt>>;
  /** Runs `work`; when it rejects, what it has written through `tx` is taken back, and it rejects with the same. */
  savepoint<T>(work: () => Promise<T>): Promise<T>;
  save(receipts: readonly Receipt[]): Promise<void>;
  /** Forgets the receipts up to `seq`. */
  acknowledge(seq: number): Promise<void>;
  /** Forgets the oldest receipts of the stream beyond `most`, and those older than `maxAgeMs`. */
  prune(bounds: ReceiptBounds): Promise<void>;
}

export interface ReceiptBounds {
  /** Receipts of one stream at most. */
  readonly maxCount: number;
  readonly maxAgeMs: number;
}

/** Where a receiver keeps its receipts: with the effects of the application, in the same transactions. */
export interface ReceiptStore<Tx> {
  /**
   * Runs `work` in a transaction, one at a time for a stream. What it rejects with is what `work` rejects with, or the
   * failure of the store; then nothing was done, or, when the answer to the commit was lost, perhaps all.
   */
  transact<T>(stream: StreamName, work: (session: ReceiptSession<Tx>) => Promise<T>): Promise<T>;
  /** Forgets receipts of all streams that are older; resolves with their number. */
  pruneOlderThan(maxAgeMs: number): Promise<number>;
  close(): Promise<void>;
}

export interface StreamName {
  readonly clientId: string;
  readonly streamId: string;
}
