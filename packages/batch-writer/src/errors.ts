import { HoldfastError } from '@holdfast/internal';

/** A value does not fit its column; the row was not accepted. */
export class RowInvalidError extends HoldfastError {
  override readonly name = 'RowInvalidError';
  declare readonly code: 'ROW_INVALID';
  readonly column: string;

  constructor(column: string, reason: string, options?: { readonly cause?: unknown }) {
    super('ROW_INVALID', `column ${JSON.stringify(column)}: ${reason}`, options);
    this.column = column;
  }
}

/** A row alone is larger than the whole buffer; it was not accepted. */
export class RowTooLargeError extends HoldfastError {
  override readonly name = 'RowTooLargeError';
  declare readonly code: 'ROW_TOO_LARGE';
  readonly bytes: number;
  readonly maxBytes: number;

  constructor(bytes: number, maxBytes: number) {
    super('ROW_TOO_LARGE', `a row of ${bytes} bytes is larger than buffer.maxBytes (${maxBytes})`);
    this.bytes = bytes;
    this.maxBytes = maxBytes;
  }
}

/** The buffer has no room; the row was not accepted. */
export class BufferFullError extends HoldfastError {
  override readonly name = 'BufferFullError';
  declare readonly code: 'BUFFER_FULL';
  readonly rows: number;
  readonly bytes: number;

  constructor(rows: number, bytes: number, waiters: number) {
    super(
      'BUFFER_FULL',
      `no room: ${rows} rows and ${bytes} bytes held, ${waiters} writes waiting`,
    );
    this.rows = rows;
    this.bytes = bytes;
  }
}

/** The writer has stopped sending until `resume()`; `cause` says why. Rows that were accepted are kept. */
export class WriterHaltedError extends HoldfastError {
  override readonly name = 'WriterHaltedError';
  declare readonly code: 'WRITER_HALTED';

  constructor(table: string, cause: unknown) {
    const why = cause instanceof Error ? cause.message : String(cause);
    super('WRITER_HALTED', `writing to ${table} is halted until resume(): ${why}`, { cause });
  }
}

/** The writer was closed. */
export class WriterClosedError extends HoldfastError {
  override readonly name = 'WriterClosedError';
  declare readonly code: 'WRITER_CLOSED';

  constructor(table: string) {
    super('WRITER_CLOSED', `the writer to ${table} is closed`);
  }
}

/** A statement kept failing for longer than `retry.maxElapsedMs`; `cause` is the last failure. Its rows are kept. */
export class RetryExhaustedError extends HoldfastError {
  override readonly name = 'RetryExhaustedError';
  declare readonly code: 'RETRY_EXHAUSTED';
  readonly attempts: number;
  readonly elapsedMs: number;

  constructor(table: string, attempts: number, elapsedMs: number, cause: unknown) {
    const why = cause instanceof Error ? cause.message : String(cause);
    super(
      'RETRY_EXHAUSTED',
      `writing to ${table} failed ${attempts} times in ${Math.round(elapsedMs)} ms, last: ${why}`,
      { cause },
    );
    this.attempts = attempts;
    this.elapsedMs = elapsedMs;
  }
}

/** A writer that was disposed of could not settle all rows: here they are, for nobody else has them. */
export class RowsReturnedError extends HoldfastError {
  override readonly name = 'RowsReturnedError';
  declare readonly code: 'ROWS_RETURNED';
  readonly rows: readonly object[];

  constructor(table: string, rows: readonly object[]) {
    super(
      'ROWS_RETURNED',
      `${rows.length} rows for ${table} were not written when the writer closed`,
    );
    this.rows = rows;
  }
}

/** An attempt did not end within `flushTimeoutMs`; its connection was destroyed. Seen as the cause of a retry. */
export class FlushTimeoutError extends HoldfastError {
  override readonly name = 'FlushTimeoutError';
  declare readonly code: 'FLUSH_TIMEOUT';
  readonly timeoutMs: number;

  constructor(table: string, timeoutMs: number) {
    super('FLUSH_TIMEOUT', `no answer for a batch to ${table} within ${timeoutMs} ms`);
    this.timeoutMs = timeoutMs;
  }
}

/** The table, or that of a ledger, is not as it was declared. A writer is halted, its rows are kept. */
export class TableMismatchError extends HoldfastError {
  override readonly name = 'TableMismatchError';
  declare readonly code: 'TABLE_MISMATCH';
  readonly table: string;

  constructor(table: string, difference: string, options?: { readonly cause?: unknown }) {
    super('TABLE_MISMATCH', `table ${table}: ${difference}`, options);
    this.table = table;
  }
}

/** The pool has been ended. A writer is halted, its rows are kept. */
export class PoolClosedError extends HoldfastError {
  override readonly name = 'PoolClosedError';
  declare readonly code: 'POOL_CLOSED';

  constructor(table: string, cause: unknown) {
    super('POOL_CLOSED', `the pool for ${table} has been ended`, { cause });
  }
}

/**
 * The answer to a batch was lost, and the server can no longer tell whether the batch is in the table; writing it again
 * might store it twice. Its rows go to `onRejected` with `mayBeStored`.
 */
export class AmbiguousCommitError extends HoldfastError {
  override readonly name = 'AmbiguousCommitError';
  declare readonly code: 'AMBIGUOUS_COMMIT';

  constructor(table: string) {
    super('AMBIGUOUS_COMMIT', `nobody can tell any more whether a batch is in ${table}`);
  }
}

/** The answer to a batch was lost after it may have been committed. Seen in the `retry` event: it is settled next. */
export class AnswerLostError extends HoldfastError {
  override readonly name = 'AnswerLostError';
  declare readonly code: 'ANSWER_LOST';

  constructor(table: string, cause: unknown) {
    const why = cause instanceof Error ? cause.message : String(cause);
    super('ANSWER_LOST', `the answer to a batch to ${table} was lost: ${why}`, { cause });
  }
}

/** What became of a batch is not decided yet. Seen in the `retry` event: it is asked again. */
export class CommitPendingError extends HoldfastError {
  override readonly name = 'CommitPendingError';
  declare readonly code: 'COMMIT_PENDING';

  constructor(table: string) {
    super('COMMIT_PENDING', `the server has not decided yet what becomes of a batch to ${table}`);
  }
}

/**
 * A file of the spool is not as it was written, or not there; the writer is halted, the file stays. Put it back, or take it away,
 * and `resume()`: the rows of one that is not there count as rejected then.
 */
export class SpoolDamagedError extends HoldfastError {
  override readonly name = 'SpoolDamagedError';
  declare readonly code: 'SPOOL_DAMAGED';
  readonly file: string;

  constructor(file: string, reason: string) {
    super('SPOOL_DAMAGED', `the spooled batch ${file} cannot be read: ${reason}`);
    this.file = file;
  }
}

/** Another writer has the folder of the spool. Thrown by `createBatchWriter`. */
export class SpoolLockedError extends HoldfastError {
  override readonly name = 'SpoolLockedError';
  declare readonly code: 'SPOOL_LOCKED';
  readonly dir: string;

  constructor(dir: string) {
    super('SPOOL_LOCKED', `another writer has the spool ${dir}`);
    this.dir = dir;
  }
}

/** The table took some rows of a part, and nobody can tell which. Never seen outside: the part is written in halves. */
export class RowsUntoldError extends HoldfastError {
  override readonly name = 'RowsUntoldError';
  declare readonly code: 'ROWS_UNTOLD';

  constructor(table: string) {
    super('ROWS_UNTOLD', `${table} took some rows of a part, and does not say which`);
  }
}

/** A part has timed out again and again. Never seen outside: it is written in halves. */
export class PartTooSlowError extends HoldfastError {
  override readonly name = 'PartTooSlowError';
  declare readonly code: 'PART_TOO_SLOW';

  constructor(table: string, attempts: number, timeoutMs: number) {
    super(
      'PART_TOO_SLOW',
      `a part of a batch to ${table} did not end within flushTimeoutMs (${timeoutMs}) ${attempts} times`,
    );
  }
}
