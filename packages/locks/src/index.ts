export { isHoldfastError, type Clock, type Timer } from '@holdfast/internal';
export { createLocks } from './create-locks.ts';
export {
  AmbiguousCommitError,
  LockLostError,
  LockTimeoutError,
  RowGoneError,
  TransactionEndedError,
  TransactionRolledBackError,
  VersionColumnMissingError,
  VersionConflictError,
} from './errors.ts';
export { lockKey } from './lock-key.ts';
export type {
  AdvisoryLockOptions,
  LockedTransaction,
  LockHolder,
  LockKey,
  Locks,
  LocksEvents,
  LocksOptions,
  LocksSnapshot,
  PgClientLike,
  PgPoolLike,
  Queryable,
  QueryResultLike,
} from './locks.ts';
export { updateVersioned, type VersionedChange } from './update-versioned.ts';
