export { classifyPgError, type FailureClass, type PgFailure } from './classify.ts';
export { describeTable, type DescribeTableOptions, type Queryable } from './describe-table.ts';
export { upsertLatest, type UpsertLatestOptions } from './upsert-latest.ts';
export { createBatchWriter } from './create-batch-writer.ts';
export {
  AmbiguousCommitError,
  AnswerLostError,
  BufferFullError,
  CommitPendingError,
  FlushTimeoutError,
  PoolClosedError,
  RetryExhaustedError,
  RowInvalidError,
  RowsReturnedError,
  RowTooLargeError,
  SpoolDamagedError,
  SpoolLockedError,
  TableMismatchError,
  WriterClosedError,
  WriterHaltedError,
} from './errors.ts';
export { ledgerTableStatement } from './sending/ledger.ts';
export type {
  BatchOptions,
  BatchWriter,
  BatchWriterOptions,
  BufferOptions,
  ColumnOptions,
  ExactlyOnce,
  FlushedEvent,
  HaltedEvent,
  NewerThan,
  OnConflict,
  RejectedEvent,
  ResumedEvent,
  RetryEvent,
  RetryOptions,
  SpoolFailedEvent,
  SpoolOptions,
  WaitOptions,
  WritePath,
  WriterEvents,
  WriterSnapshot,
  WriterState,
} from './batch-writer.ts';
export type { CloseReport, DecodedRow, RejectedRow, RowResult, Settled } from './row-outcome.ts';
export type {
  Guard,
  PgClientLike,
  PgPoolLike,
  QueryResultLike,
  Submittable,
  WireLike,
} from './ports.ts';
export type {
  JsonObject,
  JsonValue,
  NulPolicy,
  PgType,
  PgValue,
  ScalarType,
} from './rows/pg-types.ts';
export type { StandardIssue, StandardResult, StandardSchema } from './standard-schema.ts';
export {
  isHoldfastError,
  type Clock,
  type Jitter,
  type Random,
  type Timer,
} from '@holdfast/internal';
