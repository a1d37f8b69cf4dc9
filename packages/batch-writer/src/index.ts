export { classifyPgError, type FailureClass, type PgFailure } from './classify.ts';
export { createBatchWriter } from './create-batch-writer.ts';
export {
  BufferFullError,
  FlushTimeoutError,
  RetryExhaustedError,
  RowInvalidError,
  RowsReturnedError,
  RowTooLargeError,
  WriterClosedError,
  WriterHaltedError,
} from './errors.ts';
export type {
  BatchWriter,
  BatchWriterOptions,
  BufferOptions,
  CloseReport,
  FlushedEvent,
  Guard,
  HaltedEvent,
  OnConflict,
  PgClientLike,
  PgPoolLike,
  PgType,
  RejectedEvent,
  RejectedRow,
  ResumedEvent,
  RetryEvent,
  RetryOptions,
  WriterEvents,
  WriterSnapshot,
  WriterState,
} from './batch-writer.ts';
export {
  isHoldfastError,
  type Clock,
  type Jitter,
  type Random,
  type Timer,
} from '@holdfast/internal';
