export { isHoldfastError, type Clock, type Random, type Timer } from '@holdfast/internal';
export { createLocks } from './create-locks.ts';
export {
  LockLostError,
  LockReentryError,
  LockTimeoutError,
  PoolerDetectedError,
} from './errors.ts';
export type { LocksEvents } from './events.ts';
export { listLocks } from './advisory/holders.ts';
export type {
  Lease,
  LeaseEvents,
  LeaseHolder,
  LeaseOptions,
  LeasesSnapshot,
  LeaseTransaction,
} from './leases/lease-contract.ts';
export {
  GuardOutsideTransactionError,
  LeaseLostError,
  LeaseReentryError,
  LeaseRequestTimeoutError,
  LeaseTableMissingError,
  LeaseTimeoutError,
  StaleTokenError,
} from './leases/lease-errors.ts';
export { leaseSchema, type LeaseTable } from './leases/lease-schema.ts';
export { lockKey, type LockKey } from './lock-key.ts';
export type {
  AdvisoryLockInOptions,
  AdvisoryLockOptions,
  ForceReleaseGuard,
  HeldLock,
  KeyInspection,
  LeasePlace,
  LockHolder,
  LockInspection,
  Locks,
  LocksOf,
  LocksOptions,
  LocksSnapshot,
  LockWaiter,
  RedisTier,
  SessionLockOptions,
  TryOutcome,
} from './locks.ts';
export { withOptimisticRetry, type OptimisticRetryOptions } from './rows/optimistic-retry.ts';
export type {
  ClientOf,
  KyselyLike,
  KyselyTransactionOf,
  PgClientLike,
  PgPoolLike,
  Queryable,
  QueryResultLike,
} from './ports.ts';
export type { Database } from './rows/queryable-of.ts';
export {
  NotInTransactionError,
  RowGoneError,
  RowLockTimeoutError,
  RowsNotLockedError,
  UpdateSuppressedError,
  VersionColumnMissingError,
  VersionConflictError,
} from './rows/row-errors.ts';
export { withRowLock, type RowGap, type RowLockQuery } from './rows/row-lock.ts';
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
} from './transactions/transaction-errors.ts';
export type {
  Isolation,
  RetryOptions,
  Transaction,
  TransactionLockOptions,
  TransactionOptions,
  TransactionTimeouts,
} from './transactions/transaction.ts';
export type {
  RedisLike,
  TwoTierEvents,
  TwoTierOptions,
  TwoTierSnapshot,
} from './two-tier/two-tier-contract.ts';
export { RedisTimeoutError, RedisUnavailableError } from './two-tier/two-tier-errors.ts';
export { updateVersioned, type VersionedChange } from './rows/update-versioned.ts';
export { addVersionColumn, type VersionColumnOptions } from './rows/version-column.ts';
