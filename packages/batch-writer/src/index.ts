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
export { createBatchLoader } from './loader/create-batch-loader.ts';
export {
  pgIdResolver,
  type ListenLostEvent,
  type PgIdResolver,
  type PgIdResolverEvents,
} from './loader/pg-id-resolver.ts';
export { notifyTriggerStatements, type NotifyTriggerOptions } from './loader/notify-trigger.ts';
export {
  KeyInvalidError,
  KeyNotCreatedError,
  LoaderClosedError,
  LoaderOverloadedError,
  LoadResultError,
  LoadTimeoutError,
} from './loader/loader-errors.ts';
export type {
  BatchLoader,
  BatchLoaderOptions,
  CacheKey,
  LoadedEvent,
  LoaderEvents,
  LoadFailedEvent,
  LoaderSnapshot,
  LoaderWaitOptions,
  LoadResult,
} from './loader/batch-loader.ts';
export type { PgIdResolverOptions } from './loader/pg-id-options.ts';
export type { IdKeyType } from './loader/pg-id-key.ts';
export type { PgId } from './loader/pg-id-source.ts';
export { removeDuplicates } from './duplicates/remove-duplicates.ts';
export {
  DuplicatesRefusedError,
  DuplicatesTakenOverError,
  ServerReadOnlyError,
} from './duplicates/duplicates-errors.ts';
export type {
  DuplicateGroup,
  DuplicatesProgress,
  KeepRule,
  RemoveDuplicatesOptions,
  RemoveDuplicatesReport,
  UniqueIndexOptions,
} from './duplicates/duplicates.ts';
