import { HoldfastError } from '@holdfast/internal';
import type { LockHolder } from './locks.ts';

/** The lock was not free in time. Nothing was done. */
export class LockTimeoutError extends HoldfastError {
  override readonly name = 'LockTimeoutError';
  declare readonly code: 'LOCK_TIMEOUT';
  readonly key: string;
  readonly waitedMs: number;
  /** Who held it a moment later; empty when nobody did any more, or the server did not say. */
  readonly holders: readonly LockHolder[];

  constructor(key: string, waitedMs: number, holders: readonly LockHolder[]) {
    const who = holders.map(
      ({ pid, applicationName }) => `${pid} (${applicationName ?? 'unnamed'})`,
    );
    const by = who.length === 0 ? '' : `; it is held by ${who.join(', ')}`;
    super('LOCK_TIMEOUT', `lock ${key} was not free within ${Math.round(waitedMs)} ms${by}`);
    this.key = key;
    this.waitedMs = waitedMs;
    this.holders = holders;
  }
}

/** The connection died while the function ran, and the lock with it. The transaction was rolled back by the server. */
export class LockLostError extends HoldfastError {
  override readonly name = 'LockLostError';
  declare readonly code: 'LOCK_LOST';
  readonly key: string;

  constructor(key: string, cause: unknown) {
    super('LOCK_LOST', `lock ${key} was lost: its connection died`, { cause });
    this.key = key;
  }
}

/** The connection died between COMMIT and its answer: the transaction may have been applied, or not. */
export class AmbiguousCommitError extends HoldfastError {
  override readonly name = 'AmbiguousCommitError';
  declare readonly code: 'AMBIGUOUS_COMMIT';
  readonly key: string;

  constructor(key: string, cause: unknown) {
    const message = `the answer to COMMIT was lost under lock ${key}: it may have been applied`;
    super('AMBIGUOUS_COMMIT', message, { cause });
    this.key = key;
  }
}

/** A statement had failed and the function went on as if it had not: the server answered COMMIT with a rollback. */
export class TransactionRolledBackError extends HoldfastError {
  override readonly name = 'TransactionRolledBackError';
  declare readonly code: 'TRANSACTION_ROLLED_BACK';
  readonly key: string;

  constructor(key: string, cause: unknown) {
    const message = `the transaction under lock ${key} was rolled back: a statement in it had failed`;
    super('TRANSACTION_ROLLED_BACK', message, { cause });
    this.key = key;
  }
}

/** A query came after the transaction had ended. It was not sent. */
export class TransactionEndedError extends HoldfastError {
  override readonly name = 'TransactionEndedError';
  declare readonly code: 'TRANSACTION_ENDED';
  readonly key: string;

  constructor(key: string) {
    super(
      'TRANSACTION_ENDED',
      `the transaction under lock ${key} has ended: no query can run in it`,
    );
    this.key = key;
  }
}

/** Somebody else has changed the row since it was read. Nothing was changed. */
export class VersionConflictError<Row extends object = object> extends HoldfastError {
  override readonly name = 'VersionConflictError';
  declare readonly code: 'VERSION_CONFLICT';
  readonly table: string;
  readonly id: unknown;
  /** As the caller gave it. */
  readonly expected: number | bigint | string;
  /** As the driver reads it: int8 is text by default. */
  readonly actual: unknown;
  /** The row as it is now. */
  readonly current: Row;

  constructor(facts: {
    readonly table: string;
    readonly id: unknown;
    readonly expected: number | bigint | string;
    readonly actual: unknown;
    readonly current: Row;
  }) {
    const { table, id, expected, actual, current } = facts;
    const versions = `expected version ${expected}, found ${String(actual)}`;
    super('VERSION_CONFLICT', `row ${String(id)} of ${table} was changed: ${versions}`);
    this.table = table;
    this.id = id;
    this.expected = expected;
    this.actual = actual;
    this.current = current;
  }
}

/** There is no row with the id: it was deleted, or never there. */
export class RowGoneError extends HoldfastError {
  override readonly name = 'RowGoneError';
  declare readonly code: 'ROW_GONE';
  readonly table: string;
  readonly id: unknown;

  constructor(table: string, id: unknown) {
    super('ROW_GONE', `${table} has no row ${String(id)}`);
    this.table = table;
    this.id = id;
  }
}

/** The table has no column to hold the version. */
export class VersionColumnMissingError extends HoldfastError {
  override readonly name = 'VersionColumnMissingError';
  declare readonly code: 'VERSION_COLUMN_MISSING';
  readonly table: string;
  readonly versionColumn: string;

  constructor(table: string, versionColumn: string, cause: unknown) {
    const message = `${table} has no column "${versionColumn}": add it, or name the column with versionColumn`;
    super('VERSION_COLUMN_MISSING', message, { cause });
    this.table = table;
    this.versionColumn = versionColumn;
  }
}
