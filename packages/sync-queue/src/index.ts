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
  StoreNotDurableError,
  StoreSchemaNewerError,
  TransactionUnsupportedError,
} from './errors.ts';
export { memoryStore } from './memory/memory-store.ts';
export type { Added, AddOptions, CoalesceOptions, Pressure, Verdict } from './adding.ts';
export type {
  BatchHandler,
  ConsumeBatchOptions,
  ConsumeOptions,
  Consumer,
  Delivery,
  Handler,
  Outcome,
} from './consuming.ts';
export type {
  DeadFilter,
  DeadLetter,
  DeadLetters,
  RedriveOptions,
  RedriveReport,
} from './dead-letter.ts';
export type {
  AlertOptions,
  Codec,
  DeadOptions,
  Guard,
  Limits,
  OrderOptions,
  Overflow,
  QueueOptions,
  RetryOptions,
  SampleOptions,
  SpillOptions,
} from './queue-options.ts';
export type { Queue, QueueEvents, QueueSnapshot, StoreOperation } from './queue.ts';
export type {
  Budget,
  Claim,
  ClaimedItem,
  Coalescing,
  DeadPage,
  EnqueueReply,
  EnqueueVerdict,
  FoldTarget,
  Lease,
  NewItem,
  PauseTarget,
  Priority,
  QueueSettings,
  QueueStore,
  RedriveReply,
  SettleAnswer,
  Settlement,
  StoredDead,
  StoredQueue,
  StoreOverflow,
  StoreStats,
} from './store.ts';
export { isHoldfastError, type Clock, type Random, type Timer } from '@holdfast/internal';
