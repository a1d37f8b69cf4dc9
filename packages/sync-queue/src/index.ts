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
  StoreShardsDifferError,
  TransactionInvalidError,
  TransactionUnsupportedError,
} from './errors.ts';
export { isPriority } from './is-priority.ts';
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
  RedriveProgress,
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
  Demand,
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
export { isHoldfastError, type ErrorsByCode, type IsHoldfastError } from './is-holdfast-error.ts';
export type { Clock, Random, Timer } from '@holdfast/internal';
export { createOutbox } from './outbox/create-outbox.ts';
export { createHlcClock } from './outbox/hlc.ts';
export { memoryOutboxStore } from './outbox/memory-outbox-store.ts';
export {
  HlcDriftError,
  OutboxClosedError,
  OutboxFullError,
  OutboxInUseError,
} from './outbox/outbox-errors.ts';
export { resolvers } from './outbox/resolvers.ts';
export {
  PayloadDamagedError,
  PayloadInvalidError,
  PayloadKeyMissingError,
  PayloadVersionError,
} from './payload/payload-errors.ts';
export { sealedCodec } from './payload/sealed-codec.ts';
export { versionedCodec } from './payload/versioned-codec.ts';
export { createReceiver } from './receiver/create-receiver.ts';
export { memoryReceiptStore } from './receiver/memory-receipt-store.ts';
export { PushRequestInvalidError, ReceiverClosedError } from './receiver/receiver-errors.ts';
export type { Conflict, Resolution, Resolver } from './outbox/conflict.ts';
export type { HlcClock, HlcClockOptions } from './outbox/hlc.ts';
export type { LinkTrouble } from './outbox/link.ts';
export type { Base, Change, Doc, Hlc, NewOp, Op } from './outbox/op.ts';
export type {
  EnqueueOptions,
  HeldOps,
  OnlineSignal,
  Outbox,
  OutboxBatchOptions,
  OutboxEvents,
  OutboxOptions,
  OutboxRetryOptions,
  OutboxSnapshot,
  PageOptions,
  PendingQuery,
  Quarantine,
  QuarantinedOps,
  SyncReport,
  Ticket,
  TicketEnd,
} from './outbox/outbox.ts';
export type {
  Edge,
  EdgeKind,
  NewUnit,
  OutboxConnection,
  OutboxRows,
  OutboxStore,
  OutboxTotals,
  Unit,
  UnitChanges,
  UnitQuery,
  UnitState,
} from './outbox/outbox-store.ts';
export type { MergeOptions } from './outbox/resolvers.ts';
export type { StallReason } from './outbox/stall.ts';
export type { FieldConflict, FieldStrategy, Otherwise } from './outbox/three-way-merge.ts';
export type {
  OpResult,
  Push,
  PushOutcome,
  PushReply,
  PushRequest,
  PushVerdict,
  RequestVerdict,
  WireOp,
} from './outbox/wire.ts';
export type { SealedCodecOptions, SealingCodec } from './payload/sealed-codec.ts';
export type { VersionedCodecOptions } from './payload/versioned-codec.ts';
export type { MemoryReceiptStore, MemoryTransaction } from './receiver/memory-receipt-store.ts';
export type {
  FinalOutcome,
  Receipt,
  ReceiptBounds,
  ReceiptSession,
  ReceiptStore,
  StreamMarks,
  StreamName,
} from './receiver/receipt-store.ts';
export type {
  Apply,
  ApplyContext,
  ApplyOutcome,
  Receiver,
  ReceiverEvents,
  ReceiverLimits,
  ReceiverOptions,
  ReceiverSnapshot,
} from './receiver/receiver.ts';
