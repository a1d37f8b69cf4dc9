import type { Clock, Jitter, Random } from '@holdfast/internal';
import type { Guard, PgPoolLike } from './ports.ts';
import type { CloseReport, DecodedRow, RejectedRow, RowResult, Settled } from './row-outcome.ts';
import type { NulPolicy, PgType } from './rows/pg-types.ts';
import type { StandardSchema } from './standard-schema.ts';

/** How one column is written. */
export interface ColumnOptions {
  readonly type: PgType;
  /** What becomes of U+0000, which PostgreSQL's text cannot hold: `reject` (default) refuses the row, `strip` drops it. */
  readonly nul?: NulPolicy | undefined;
}

/** Overwrite a stored row only by a newer one. */
export interface NewerThan<Column extends string> {
  /** Of type int2, int4, int8, float4, float8, date, timestamp or timestamptz. */
  readonly column: Column;
  /** Whether an equally new row replaces the stored one. Default `keep`: a repeated row changes nothing. */
  readonly tie?: 'keep' | 'replace' | undefined;
}

/**
 * What happens when the table already holds a row with the key:
 *
 * - `nothing`  the stored row stays, the new one is a duplicate; the default with a key
 * - `error`    the new row is rejected (SQLSTATE 23505); the default without a key
 * - an object  the stored row is updated: the columns of `update` (default: all that are not in the key), with `newerThan`
 *              only if the new row is newer
 */
export type OnConflict<Row extends object> =
  | 'nothing'
  | 'error'
  | {
      readonly update?: readonly (keyof Row & string)[] | undefined;
      readonly newerThan?: (keyof Row & string) | NewerThan<keyof Row & string> | undefined;
    };

/**
 * How the question is settled whether a batch whose answer was lost is in the table:
 *
 * - `xact-status`  ask the server what became of the transaction (`pg_xact_status`, PostgreSQL 13 or newer); needs nothing,
 *                  knows nothing after a failover or a crash of the server
 * - `ledger`       a row in a table of this name in the transaction of the batch; knows it always, also in another process
 * - `off`          send it again: without a key it may then be stored twice
 */
export type ExactlyOnce = 'xact-status' | 'off' | { readonly ledger: string };

/** How rows reach the table: `auto` takes COPY, and for a batch with keys that are there already what bears them. */
export type WritePath = 'auto' | 'copy' | 'staging' | 'unnest';

export interface BufferOptions {
  /** Rows held at most, rows in flight included. Default 200 000. */
  readonly maxRows?: number | undefined;
  /** Encoded bytes held at most. Default 64 MiB. */
  readonly maxBytes?: number | undefined;
  /** Calls of `write` that may wait for room at a time; one more rejects with `BUFFER_FULL`. Default 10 000. */
  readonly maxWaiters?: number | undefined;
  /**
   * `wait` (default): `write` returns a promise that waits for room; `reject`: it rejects with `BUFFER_FULL`;
   * `drop-oldest`: the oldest batch that is not being sent is rejected, to `onRejected`, to make room; `spool` (default with
   * a spool): batches go to disk to make room, and `write` waits for that.
   */
  readonly whenFull?: 'wait' | 'reject' | 'drop-oldest' | 'spool' | undefined;
}

/** A folder for batches that memory has no room for, and for those that `close()` could not send. */
export interface SpoolOptions {
  /** Of this writer alone; made when it is not there. What an earlier writer has left in it is sent first. */
  readonly dir: string;
  /** Encoded bytes on disk at most; beyond, `write` waits as with `wait`. Default 1 GiB. */
  readonly maxBytes?: number | undefined;
  /** Whether a batch is flushed to the disk before it leaves memory. Default `true`. */
  readonly fsync?: boolean | undefined;
}

export interface BatchOptions {
  /** Rows in a batch at most. Default 5000. */
  readonly maxRows?: number | undefined;
  /** Encoded bytes in a batch at most; a larger row is a batch of its own. Default 4 MiB. */
  readonly maxBytes?: number | undefined;
  /** How long a row waits for others before its batch is sent, milliseconds. Default 20. */
  readonly lingerMs?: number | undefined;
}

export interface RetryOptions {
  /** Delay before the first retry, milliseconds. Default 100. */
  readonly baseMs?: number | undefined;
  /** Longest delay, milliseconds. Default 20 000. */
  readonly capMs?: number | undefined;
  /** Default `full`. */
  readonly jitter?: Jitter | undefined;
  /** A statement that keeps failing for this long halts the writer with `RETRY_EXHAUSTED`. Default `Infinity`. */
  readonly maxElapsedMs?: number | undefined;
}

export interface BatchWriterOptions<Row extends object> {
  readonly pool: PgPoolLike;
  readonly table: string;
  /** Default: the first schema of the connection's search path that has the table. */
  readonly schema?: string | undefined;
  /**
   * The type of each column, by name. Other properties of a row are not written; one that a row need not have may be left out
   * here, and the database then makes its value, as with `Generated` columns of Kysely.
   */
  readonly columns: { readonly [K in keyof Row as K & string]: PgType | ColumnOptions };
  /** Columns of a unique index without NULLs: what makes a repeated write harmless. Default: none. */
  readonly key?: readonly (keyof Row & string)[] | undefined;
  /** Default `nothing` with a key, `error` without. */
  readonly onConflict?: OnConflict<Row> | undefined;
  /** Checks each row, and may change it, before it is encoded; synchronous. Any Standard Schema, of zod for example. */
  readonly validate?: StandardSchema<unknown, Row> | undefined;
  /** Default `auto`. */
  readonly path?: WritePath | undefined;
  /** Default `xact-status`. */
  readonly exactlyOnce?: ExactlyOnce | undefined;
  readonly batch?: BatchOptions | undefined;
  /** Batches in flight at most, each on its own connection; one key always takes the same lane. Default 2. */
  readonly lanes?: number | undefined;
  readonly buffer?: BufferOptions | undefined;
  /** Default: none, rows are held in memory alone. */
  readonly spool?: SpoolOptions | undefined;
  readonly retry?: RetryOptions | undefined;
  /**
   * An attempt that has not ended by then fails and its connection is destroyed, milliseconds. What has done so twice is sent in
   * halves; a row alone is tried again. Default 30 000.
   */
  readonly flushTimeoutMs?: number | undefined;
  /** Every attempt runs through it. */
  readonly guard?: Guard | undefined;
  /**
   * The dead letter: gets the rows that the database refused, and is awaited before they count as rejected. When it fails it is called
   * again with the same rows, so it must bear repetition.
   */
  readonly onRejected?: ((rows: RejectedRow<Row>[]) => void | Promise<void>) | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: Random | undefined;
}

/**
 * The states of a writer:
 *
 * - `open`     entered at creation and by `resume()`
 * - `paused`   entered by `pause()`; rows are taken and kept, nothing is sent
 * - `halted`   entered at a failure that needs a person; rows are kept, nothing is sent, `write` rejects
 * - `closing`  entered when `close()` is called; `write` rejects, held rows are being sent
 * - `closed`   entered when `close()` has resolved; final
 */
export type WriterState = 'open' | 'paused' | 'halted' | 'closing' | 'closed';

/** Counters since creation and gauges, as plain JSON. */
export interface WriterSnapshot extends Settled {
  readonly state: WriterState;
  readonly accepted: number;
  readonly returned: number;
  /** Rows that an earlier writer had left in the spool. */
  readonly recovered: number;
  readonly spooledRows: number;
  readonly spooledBytes: number;
  readonly bufferedRows: number;
  readonly bufferedBytes: number;
  readonly waiters: number;
  /** Age of the oldest row that is not settled, 0 when there is none. */
  readonly oldestRowMs: number;
  /** Batches settled. */
  readonly flushes: number;
  readonly retries: number;
  /** Batches that met a key that was there, and were written by the path that bears it. */
  readonly conflicts: number;
  /** Batches whose answer was lost after they may have been committed. */
  readonly doubts: number;
  /** Statements that were repeated in parts: because of a bad row or a timeout, or to tell which rows the table took. */
  readonly isolations: number;
  /** Deadlocks with other programs (SQLSTATE 40P01). */
  readonly deadlocks: number;
}

/** One batch has been settled. */
export interface FlushedEvent extends Settled {
  readonly lane: number;
  readonly rows: number;
  readonly durationMs: number;
}

/** An attempt has failed and will be repeated. */
export interface RetryEvent {
  readonly lane: number;
  /** The attempt that failed; the first is 1. */
  readonly attempt: number;
  readonly delayMs: number;
  readonly error: unknown;
}

/** Rows were refused and taken by `onRejected`. */
export interface RejectedEvent<Row extends object> {
  readonly rows: readonly RejectedRow<Row>[];
}

/** The writer has stopped sending; `resume()` starts it again. */
export interface HaltedEvent {
  readonly error: unknown;
}

/** The writer sends again. */
export interface ResumedEvent {
  readonly bufferedRows: number;
}

/** The disk refused a batch, or the end of one. The rows are held, or stored; it is tried again. */
export interface SpoolFailedEvent {
  readonly error: unknown;
}

export interface WriterEvents<Row extends object> {
  readonly spoolFailed: SpoolFailedEvent;
  readonly flushed: FlushedEvent;
  readonly retry: RetryEvent;
  readonly rejected: RejectedEvent<Row>;
  readonly halted: HaltedEvent;
  readonly resumed: ResumedEvent;
}

export interface WaitOptions {
  /** Ends the wait with its reason; the row is then not taken. */
  readonly signal?: AbortSignal | undefined;
}

export interface BatchWriter<Row extends object> {
  /**
   * Takes one row. Returns `true` when it was taken at once, else a promise that resolves when there is room, in order
   * of the calls. The values are encoded now: changing the row later changes nothing.
   *
   * @throws {RowInvalidError | RowTooLargeError} at once; the row is not taken.
   * Rejects with `BUFFER_FULL`, `WRITER_HALTED`, `WRITER_CLOSED` or `signal.reason`; the row is not taken.
   */
  write(row: Row | DecodedRow<Row>, options?: WaitOptions): true | Promise<void>;
  /**
   * Takes many rows at the pace of the database and resolves with their number. Rejects at the first row that is not
   * taken; the rows before it stay accepted.
   */
  writeMany(
    rows: Iterable<Row | DecodedRow<Row>> | AsyncIterable<Row | DecodedRow<Row>>,
    options?: WaitOptions,
  ): Promise<number>;
  /**
   * Takes one row and resolves with what became of it. A promise a row costs more than the row: for few rows. Rejects as
   * `write` does, with `RowInvalidError` too, and as `flush` does while the row is kept.
   */
  writeAndWait(row: Row | DecodedRow<Row>, options?: WaitOptions): Promise<RowResult<Row>>;
  /** A stream in object mode that writes to this writer; its `finish` comes when all that it wrote is settled. */
  asWritable(): NodeJS.WritableStream;
  /**
   * Resolves when every row accepted before the call is settled, with what became of all rows settled meanwhile. Rejects
   * with `WRITER_HALTED` or `RETRY_EXHAUSTED` (the rows are kept), `WRITER_CLOSED` when they were returned by `close()`, or
   * `signal.reason`. Waits while the writer is paused.
   */
  flush(options?: WaitOptions): Promise<Settled>;
  /** Stops sending; batches in flight are finished. Does nothing unless the writer is open. */
  pause(): void;
  /** Ends a pause or a halt: held rows are sent again. Does nothing in other states. */
  resume(): void;
  /**
   * Sends what is held and resolves with the account of every row. Rows that cannot be settled within `timeoutMs`
   * (default 30 000), or because the writer is halted, stay in the spool, or are returned. Further calls share the first one's promise.
   */
  close(options?: { readonly timeoutMs?: number | undefined }): Promise<CloseReport<Row>>;
  /** Adds a listener and returns the function that removes it. */
  on<K extends keyof WriterEvents<Row>>(
    event: K,
    listener: (payload: WriterEvents<Row>[K]) => void,
  ): () => void;
  snapshot(): WriterSnapshot;
  /** Closes; rejects with `ROWS_RETURNED`, which carries the rows, when there are rows to return. */
  [Symbol.asyncDispose](): Promise<void>;
}
