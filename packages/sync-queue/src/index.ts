export { createQueue } from './create-queue.ts';
export {
  AmbiguousAddError,
  ItemTooLargeError,
  LeaseLostError,
  QueueClosedError,
  QueueFullError,
  StoreDriverMissingError,
  StoreEvictsError,
  StoreFailedError,
  StoreKeyWrongError,
  StoreSchemaNewerError,
} from './errors.ts';
export { memoryStore } from './memory-store.ts';
export type {
  AddOptions,
  Codec,
  ConsumeOptions,
  Consumer,
  DeadLetter,
  DeadLetters,
  Delivery,
  Guard,
  Handler,
  Limits,
  Outcome,
  Overflow,
  Queue,
  QueueEvents,
  QueueOptions,
  QueueSnapshot,
  RetryOptions,
  StoreOperation,
  Verdict,
} from './queue.ts';
export type {
  Claim,
  ClaimedItem,
  DeadSelection,
  EnqueueVerdict,
  Lease,
  NewItem,
  QueueStore,
  Settlement,
  StoredDead,
  StoreStats,
} from './store.ts';
export { isHoldfastError, type Clock, type Random, type Timer } from '@holdfast/internal';
