export { isHoldfastError, type Clock, type Random, type Timer } from '@holdfast/internal';
export { createLocks } from './create-locks.ts';
export {
  LockLostError,
  LockReentryError,
  LockTimeoutError,
  PoolerDetectedError,
} from './errors.ts';
export { listLocks } from './holders.ts';
export { lockKey, type LockKey } from './lock-key.ts';
export type {
  AdvisoryLockInOptions,
  AdvisoryLockOptions,
  ForceReleaseGuard,
  HeldLock,
  LockHolder,
  LockInspection,
  Locks,
  LocksEvents,
  LocksOf,
  LocksOptions,
  LocksSnapshot,
  LockWaiter,
  SessionLockOptions,
  TryOutcome,
} from './locks.ts';
export type {
  ClientOf,
  KyselyLike,
  KyselyTransactionOf,
  PgClientLike,
  PgPoolLike,
  Queryable,
  QueryResultLike,
} from './ports.ts';
export { RowGoneError, VersionColumnMissingError, VersionConflictError } from './row-errors.ts';
export {
  AmbiguousCommitError,
  RetriesExhaustedError,
  SnapshotTooOldError,
  TransactionEndedError,
  TransactionLostError,
  TransactionNestedError,
  TransactionRolledBackError,
  TransactionTimeoutError,
  TransactionTooWeakError,
} from './transaction-errors.ts';
export type {
  Isolation,
  RetryOptions,
  Transaction,
  TransactionLockOptions,
  TransactionOptions,
  TransactionTimeouts,
} from './transaction.ts';
export { updateVersioned, type VersionedChange } from './update-versioned.ts';
