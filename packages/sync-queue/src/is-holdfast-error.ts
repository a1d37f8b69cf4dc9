import { isHoldfastError as isAny, type HoldfastError } from '@holdfast/internal';
import type {
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
import type {
  HlcDriftError,
  OutboxClosedError,
  OutboxFullError,
  OutboxInUseError,
} from './outbox/outbox-errors.ts';
import type {
  PayloadDamagedError,
  PayloadInvalidError,
  PayloadKeyMissingError,
  PayloadVersionError,
} from './payload/payload-errors.ts';
import type { PushRequestInvalidError, ReceiverClosedError } from './receiver/receiver-errors.ts';

/** What each code stands for. */
export interface ErrorsByCode {
  readonly QUEUE_FULL: QueueFullError;
  readonly ITEM_TOO_LARGE: ItemTooLargeError;
  readonly QUEUE_CLOSED: QueueClosedError;
  readonly AMBIGUOUS_ADD: AmbiguousAddError;
  readonly LEASE_LOST: LeaseLostError;
  readonly STORE_FAILED: StoreFailedError;
  readonly STORE_EVICTS: StoreEvictsError;
  readonly STORE_NOT_DURABLE: StoreNotDurableError;
  readonly STORE_SHARDS_DIFFER: StoreShardsDifferError;
  readonly STORE_KEY_WRONG: StoreKeyWrongError;
  readonly STORE_SCHEMA_NEWER: StoreSchemaNewerError;
  readonly STORE_DRIVER_MISSING: StoreDriverMissingError;
  readonly TRANSACTION_INVALID: TransactionInvalidError;
  readonly TRANSACTION_UNSUPPORTED: TransactionUnsupportedError;
  readonly OUTBOX_FULL: OutboxFullError;
  readonly OUTBOX_CLOSED: OutboxClosedError;
  readonly OUTBOX_IN_USE: OutboxInUseError;
  readonly HLC_DRIFT: HlcDriftError;
  readonly PAYLOAD_INVALID: PayloadInvalidError;
  readonly PAYLOAD_VERSION_UNKNOWN: PayloadVersionError;
  readonly PAYLOAD_KEY_MISSING: PayloadKeyMissingError;
  readonly PAYLOAD_DAMAGED: PayloadDamagedError;
  readonly PUSH_REQUEST_INVALID: PushRequestInvalidError;
  readonly RECEIVER_CLOSED: ReceiverClosedError;
}

/** True for errors of any copy of any of the packages; with `code`, only for those of that kind. */
export interface IsHoldfastError {
  <C extends keyof ErrorsByCode>(value: unknown, code: C): value is ErrorsByCode[C];
  (value: unknown, code?: string): value is HoldfastError;
}

export const isHoldfastError: IsHoldfastError = isAny;
