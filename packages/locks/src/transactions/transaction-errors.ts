import { HoldfastError } from '@holdfast/internal';
import type { Isolation } from './transaction.ts';

/**
 * The connection died before COMMIT was sent: the server has rolled back. The cause is the driver's error.
 */
export class TransactionLostError extends HoldfastError {
  override readonly name = 'TransactionLostError';
  declare readonly code: 'TRANSACTION_LOST';

  constructor(cause: unknown) {
    super('TRANSACTION_LOST', 'the transaction was lost: its connection died', { cause });
  }
}

/** The connection died between COMMIT and its answer, and nobody can tell whether the transaction was applied. */
export class AmbiguousCommitError extends HoldfastError {
  override readonly name = 'AmbiguousCommitError';
  declare readonly code: 'AMBIGUOUS_COMMIT';
  /** The number of the transaction on the server, for `pg_xact_status`; undefined when it was not asked for. */
  readonly xid: string | undefined;

  constructor(label: string, xid: string | undefined, cause: unknown) {
    const message = `the answer to COMMIT of ${label} was lost: it may have been applied`;
    super('AMBIGUOUS_COMMIT', message, { cause });
    this.xid = xid;
  }
}

/** A statement had failed and the function went on as if it had not: the server answered COMMIT with a rollback. */
export class TransactionRolledBackError extends HoldfastError {
  override readonly name = 'TransactionRolledBackError';
  declare readonly code: 'TRANSACTION_ROLLED_BACK';

  constructor(label: string, cause: unknown) {
    super(
      'TRANSACTION_ROLLED_BACK',
      `${label} was rolled back: a statement in it had failed, and the function did not`,
      { cause },
    );
  }
}

/** A query came after the transaction had ended. It was not sent. */
export class TransactionEndedError extends HoldfastError {
  override readonly name = 'TransactionEndedError';
  declare readonly code: 'TRANSACTION_ENDED';

  constructor(label: string) {
    super('TRANSACTION_ENDED', `${label} has ended: no query can run in it`);
  }
}

/** The transaction took longer than `timeouts.totalMs`. It was rolled back. */
export class TransactionTimeoutError extends HoldfastError {
  override readonly name = 'TransactionTimeoutError';
  declare readonly code: 'TRANSACTION_TIMEOUT';
  readonly totalMs: number;

  constructor(label: string, totalMs: number) {
    super('TRANSACTION_TIMEOUT', `${label} was not committed within ${totalMs} ms`);
    this.totalMs = totalMs;
  }
}

/** The outer transaction gives less than the inner one asks for. Nothing was done. */
export class TransactionTooWeakError extends HoldfastError {
  override readonly name = 'TransactionTooWeakError';
  declare readonly code: 'TRANSACTION_TOO_WEAK';
  readonly outer: string;
  readonly asked: string;

  constructor(outer: string, asked: string) {
    super(
      'TRANSACTION_TOO_WEAK',
      `a transaction that is ${outer} cannot hold one that is ${asked}`,
    );
    this.outer = outer;
    this.asked = asked;
  }
}

/** There is an outer transaction, and `nested: 'forbid'`. Nothing was done. */
export class TransactionNestedError extends HoldfastError {
  override readonly name = 'TransactionNestedError';
  declare readonly code: 'TRANSACTION_NESTED';

  constructor() {
    super(
      'TRANSACTION_NESTED',
      "this transaction was called inside another one: nested is 'forbid'",
    );
  }
}

/**
 * The lock would be taken after the transaction's snapshot, so what its last holder has written would not be seen
 * (PostgreSQL manual, 13.3.5). Nothing was done.
 */
export class SnapshotTooOldError extends HoldfastError {
  override readonly name = 'SnapshotTooOldError';
  declare readonly code: 'SNAPSHOT_TOO_OLD';
  readonly isolation: Isolation;

  constructor(isolation: Isolation) {
    super(
      'SNAPSHOT_TOO_OLD',
      `a lock that is taken inside a ${isolation} transaction comes after its snapshot: use withAdvisoryLock(key, fn, { isolation })`,
    );
    this.isolation = isolation;
  }
}

/** Every try failed in a way that is worth another one. Nothing was done. The cause is the last failure. */
export class RetriesExhaustedError extends HoldfastError {
  override readonly name = 'RetriesExhaustedError';
  declare readonly code: 'RETRIES_EXHAUSTED';
  readonly attempts: number;

  constructor(label: string, attempts: number, cause: unknown) {
    super('RETRIES_EXHAUSTED', `${label} failed ${attempts} times`, { cause });
    this.attempts = attempts;
  }
}
