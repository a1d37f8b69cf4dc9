import type { Clock, Jitter, Random } from '@holdfast/internal';

/** Column types that a writer can send. */
export type PgType =
  | 'bool'
  | 'int2'
  | 'int4'
  | 'int8'
  | 'float4'
  | 'float8'
  | 'numeric'
  | 'text'
  | 'uuid'
  | 'date'
  | 'timestamptz'
  | 'json'
  | 'jsonb'
  | 'bytea';

/** What a writer needs of a connection; a client of `pg` has this shape. */
export interface PgClientLike {
  query(text: string, values: unknown[]): Promise<{ readonly rowCount: number | null }>;
  release(error?: Error | boolean): void;
  on(event: 'error', listener: (error: Error) => void): unknown;
  removeListener(event: 'error', listener: (error: Error) => void): unknown;
}

/** What a writer needs of a pool; `pg.Pool` has this shape. */
export interface PgPoolLike {
  connect(): Promise<PgClientLike>;
}

/** Anything that runs a function under a policy, for example a circuit breaker. */
export interface Guard {
  execute<T>(
    fn: (context: { readonly signal: AbortSignal }) => Promise<T>,
    options?: { readonly signal?: AbortSignal },
  ): Promise<T>;
}

/**
 * What happens when the table already holds a row with the key: `nothing` keeps the stored row; `latestBy` replaces
 * it when the new row's column is greater, so a late row never overwrites a newer one and an equal one changes nothing.
 */
export type OnConflict<Row extends object> = 'nothing' | { readonly latestBy: keyof Row & string };

export interface BufferOptions {
  /** Rows held at most, rows in flight included. Default 50 000. */
  readonly maxRows?: number | undefined;
  /** Estimated bytes held at most: 128 a row, and 32 and two per character of its text form a column. Default 64 MiB. */
  readonly maxBytes?: number | undefined;
  /** Calls of `write` that may wait for room at a time; one more rejects with `BUFFER_FULL`. Default 10 000. */
  readonly maxWaiters?: number | undefined;
  /** `wait` (default): `write` returns a promise that waits for room; `reject`: it rejects with `BUFFER_FULL`. */
  readonly whenFull?: 'wait' | 'reject' | undefined;
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

/** A row that the database refused, with the reason it gave. */
export interface RejectedRow<Row extends object> {
  readonly row: Row;
  readonly reason: string;
  readonly sqlstate: string | undefined;
  readonly column: string | undefined;
  readonly constraint: string | undefined;
}

export interface BatchWriterOptions<Row extends object> {
  readonly pool: PgPoolLike;
  readonly table: string;
  /** Default: the first schema of the connection's search path that has the table. */
  readonly schema?: string | undefined;
  /** The type of each column, by name. Other properties of a row are not written. */
  readonly columns: Readonly<Record<keyof Row & string, PgType>>;
  /** Columns of a unique index without NULLs: what makes a repeated write harmless. */
  readonly key: readonly (keyof Row & string)[];
  /** Default `nothing`. */
  readonly onConflict?: OnConflict<Row> | undefined;
  /** Rows in a statement at most, from 1 to 50 000. Default 1000. */
  readonly maxRows?: number | undefined;
  /** How long a row waits for others before its batch is sent, milliseconds. Default 20. */
  readonly lingerMs?: number | undefined;
  /** Statements in flight at most, each on its own connection; one key always takes the same lane. Default 2. */
  readonly lanes?: number | undefined;
  readonly buffer?: BufferOptions | undefined;
  readonly retry?: RetryOptions | undefined;
  /** An attempt that has not ended by then fails and its connection is destroyed, milliseconds. Default 30 000. */
  readonly flushTimeoutMs?: number | undefined;
  /** Every attempt runs through it. */
  readonly guard?: Guard | undefined;
  /**
   * Gets the rows that the database refused, and is awaited before they count as rejected. When it fails it is called
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
 * - `halted`   entered at a failure that needs a person; rows are kept, nothing is sent, `write` rejects
 * - `closing`  entered when `close()` is called; `write` rejects, held rows are being sent
 * - `closed`   entered when `close()` has resolved; final
 */
export type WriterState = 'open' | 'halted' | 'closing' | 'closed';

/** Where every accepted row went; `stored + duplicate + superseded + rejected + returned.length` is `accepted`. */
export interface CloseReport<Row extends object> {
  readonly accepted: number;
  /** Rows that the table took, inserted or replacing an older one. */
  readonly stored: number;
  /** Rows whose key was there before: in the table, or earlier in the same batch. */
  readonly duplicate: number;
  /** Only with `latestBy`: rows that lost against a newer one of the same batch. */
  readonly superseded: number;
  readonly rejected: number;
  /** Rows that could not be settled in time; one whose answer was lost may have been stored. */
  readonly returned: Row[];
}

/** Counters since creation and gauges, as plain JSON. */
export interface WriterSnapshot {
  readonly state: WriterState;
  readonly accepted: number;
  readonly stored: number;
  readonly duplicate: number;
  readonly superseded: number;
  readonly rejected: number;
  readonly returned: number;
  readonly bufferedRows: number;
  readonly bufferedBytes: number;
  readonly waiters: number;
  /** Age of the oldest row that is not settled, 0 when there is none. */
  readonly oldestRowMs: number;
  readonly flushes: number;
  readonly retries: number;
}

/** One batch has been settled. */
export interface FlushedEvent {
  readonly lane: number;
  readonly rows: number;
  readonly stored: number;
  readonly duplicate: number;
  readonly superseded: number;
  readonly rejected: number;
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

/** Rows were refused by the database and taken by `onRejected`. */
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

export interface WriterEvents<Row extends object> {
  readonly flushed: FlushedEvent;
  readonly retry: RetryEvent;
  readonly rejected: RejectedEvent<Row>;
  readonly halted: HaltedEvent;
  readonly resumed: ResumedEvent;
}

export interface BatchWriter<Row extends object> {
  /**
   * Takes one row. Returns `true` when it was taken at once, else a promise that resolves when there is room, in order
   * of the calls. The values are read now: changing the row later changes nothing.
   *
   * @throws {RowInvalidError | RowTooLargeError} at once; the row is not taken.
   * Rejects with `BUFFER_FULL`, `WRITER_HALTED`, `WRITER_CLOSED` or `signal.reason`; the row is not taken.
   */
  write(row: Row, options?: { readonly signal?: AbortSignal | undefined }): true | Promise<void>;
  /**
   * Takes many rows at the pace of the database and resolves with their number. Rejects at the first row that is not
   * taken; the rows before it stay accepted.
   */
  writeMany(
    rows: Iterable<Row> | AsyncIterable<Row>,
    options?: { readonly signal?: AbortSignal | undefined },
  ): Promise<number>;
  /**
   * Resolves when every row accepted before the call is stored, duplicate, superseded or rejected. Rejects with
   * `WRITER_HALTED` or `RETRY_EXHAUSTED` (the rows are kept), `WRITER_CLOSED` when they were returned by `close()`, or
   * `signal.reason`.
   */
  flush(options?: { readonly signal?: AbortSignal | undefined }): Promise<void>;
  /** Ends a halt: held rows are sent again. Does nothing in other states. */
  resume(): void;
  /**
   * Sends what is held and resolves with the account of every row. Rows that cannot be settled within `timeoutMs`
   * (default 30 000), or because the writer is halted, are returned. Further calls share the first one's promise.
   */
  close(options?: { readonly timeoutMs?: number | undefined }): Promise<CloseReport<Row>>;
  /** Adds a listener and returns the function that removes it. */
  on<K extends keyof WriterEvents<Row>>(
    event: K,
    listener: (payload: WriterEvents<Row>[K]) => void,
  ): () => void;
  snapshot(): WriterSnapshot;
  /** `close()` without its report. */
  /** Closes; rejects with `ROWS_RETURNED`, which carries the rows, when there are rows to return. */
  [Symbol.asyncDispose](): Promise<void>;
}
