import { HoldfastError, isHoldfastError } from '@holdfast/internal';
import type { Pressure } from './adding.ts';
import { countOf } from './count-of.ts';
import { textOf } from './text-of.ts';
import type { WhyFull } from './why-full.ts';

/** There is no room for the item; it is not held. */
export class QueueFullError extends HoldfastError {
  override readonly name = 'QueueFullError';
  declare readonly code: 'QUEUE_FULL';
  readonly queue: string;
  /** Which limit it has met; undefined: the share of one shard, or one that had room again a moment later. */
  readonly limit: WhyFull['limit'];
  readonly pressure: Pressure;

  constructor(
    queue: string,
    { why, waitedMs, pressure }: { why: WhyFull; waitedMs: number; pressure: Pressure },
  ) {
    const waited = waitedMs < 1 ? '' : ` after ${Math.round(waitedMs)} ms`;
    super('QUEUE_FULL', `queue ${queue} has no room${waited}: ${why.text}`);
    this.queue = queue;
    this.limit = why.limit;
    this.pressure = pressure;
  }
}

/** The encoded item is larger than the queue takes; it is not held. */
export class ItemTooLargeError extends HoldfastError {
  override readonly name = 'ItemTooLargeError';
  declare readonly code: 'ITEM_TOO_LARGE';
  readonly bytes: number;
  readonly maxItemBytes: number;

  constructor(bytes: number, maxItemBytes: number) {
    super('ITEM_TOO_LARGE', `an item of ${bytes} bytes is larger than ${maxItemBytes}`);
    this.bytes = bytes;
    this.maxItemBytes = maxItemBytes;
  }
}

/** The queue was closed. */
export class QueueClosedError extends HoldfastError {
  override readonly name = 'QueueClosedError';
  declare readonly code: 'QUEUE_CLOSED';

  constructor(queue: string) {
    super('QUEUE_CLOSED', `queue ${queue} is closed`);
  }
}

/**
 * The store failed while it was taking the item, which may be held. Adding it again with the same `idempotencyKey` adds it
 * once; without one it may then be there twice.
 */
export class AmbiguousAddError extends HoldfastError {
  override readonly name = 'AmbiguousAddError';
  declare readonly code: 'AMBIGUOUS_ADD';
  readonly idempotencyKey: string | undefined;

  constructor(idempotencyKey: string | undefined, cause: unknown) {
    super('AMBIGUOUS_ADD', `the item may have been added: ${textOf(cause)}`, { cause });
    this.idempotencyKey = idempotencyKey;
  }
}

/** A handler has worked longer than its lease could be kept: another consumer may have the items. */
export class LeaseLostError extends HoldfastError {
  override readonly name = 'LeaseLostError';
  declare readonly code: 'LEASE_LOST';
  readonly ids: readonly string[];

  constructor(ids: readonly string[]) {
    super('LEASE_LOST', `the lease of ${countOf(ids.length, 'item')} is lost`);
    this.ids = ids;
  }
}

/** A call of the store failed. `outcome` says whether it may have been applied all the same. */
export class StoreFailedError extends HoldfastError {
  override readonly name = 'StoreFailedError';
  declare readonly code: 'STORE_FAILED';
  readonly outcome: 'not-applied' | 'unknown';

  constructor(outcome: 'not-applied' | 'unknown', cause: unknown) {
    // One that another call, or a guard, has told differently says so already.
    const text = isHoldfastError(cause, 'STORE_FAILED')
      ? cause.message
      : `the store failed: ${textOf(cause)}`;
    super('STORE_FAILED', text, { cause });
    this.outcome = outcome;
  }
}

/** The Redis server may evict keys, so it may lose items without anybody noticing. */
export class StoreEvictsError extends HoldfastError {
  override readonly name = 'StoreEvictsError';
  declare readonly code: 'STORE_EVICTS';
  readonly policy: string;

  constructor(policy: string) {
    super('STORE_EVICTS', `maxmemory-policy must be noeviction, got ${policy}`);
    this.policy = policy;
  }
}

/** The server is not set up to keep what `durability` promises. */
export class StoreNotDurableError extends HoldfastError {
  override readonly name = 'StoreNotDurableError';
  declare readonly code: 'STORE_NOT_DURABLE';

  constructor(why: string) {
    super('STORE_NOT_DURABLE', `the server cannot keep the promise of durability: ${why}`);
  }
}

/** The queue is spread over another number of shards, which must be the same for all: where a key lies depends on it. */
export class StoreShardsDifferError extends HoldfastError {
  override readonly name = 'StoreShardsDifferError';
  declare readonly code: 'STORE_SHARDS_DIFFER';
  readonly queue: string;
  /** The number that the queue has. */
  readonly shards: number;

  constructor(queue: string, shards: number, given: number) {
    const rule = `a process that starts can change them while the queue holds nothing`;
    super(
      'STORE_SHARDS_DIFFER',
      `shards must be ${shards} as in queue ${queue}, got ${given}; ${rule}`,
    );
    this.queue = queue;
    this.shards = shards;
  }
}

/** The SQLite file cannot be read with the key, or without one. */
export class StoreKeyWrongError extends HoldfastError {
  override readonly name = 'StoreKeyWrongError';
  declare readonly code: 'STORE_KEY_WRONG';
  readonly path: string;

  constructor(path: string, why: string, cause: unknown) {
    super('STORE_KEY_WRONG', `${path} cannot be read: ${why}`, { cause });
    this.path = path;
  }
}

/** The SQLite file, or the schema in PostgreSQL, was written by a newer version of this package. */
export class StoreSchemaNewerError extends HoldfastError {
  override readonly name = 'StoreSchemaNewerError';
  declare readonly code: 'STORE_SCHEMA_NEWER';
  /** Of the file; or `the schema …`. */
  readonly path: string;
  readonly version: number;

  constructor(path: string, version: number, known: number) {
    super('STORE_SCHEMA_NEWER', `${path} has schema ${version}, this version knows up to ${known}`);
    this.path = path;
    this.version = version;
  }
}

/** The driver of the store is not installed. */
export class StoreDriverMissingError extends HoldfastError {
  override readonly name = 'StoreDriverMissingError';
  declare readonly code: 'STORE_DRIVER_MISSING';
  readonly driver: string;

  constructor(driver: string, cause: unknown) {
    super('STORE_DRIVER_MISSING', `the store needs the package ${driver}: npm install ${driver}`, {
      cause,
    });
    this.driver = driver;
  }
}

/** What was given as `transaction` is none of the store's; nothing is added, nor is the transaction touched. */
export class TransactionInvalidError extends HoldfastError {
  override readonly name = 'TransactionInvalidError';
  declare readonly code: 'TRANSACTION_INVALID';

  constructor(rule: string, got: string) {
    super('TRANSACTION_INVALID', `transaction must be ${rule}, got ${got}`);
  }
}

/** The store cannot add items within a transaction of the caller. */
export class TransactionUnsupportedError extends HoldfastError {
  override readonly name = 'TransactionUnsupportedError';
  declare readonly code: 'TRANSACTION_UNSUPPORTED';

  constructor(store: string) {
    super(
      'TRANSACTION_UNSUPPORTED',
      `${store} cannot add items within a transaction of the caller`,
    );
  }
}
