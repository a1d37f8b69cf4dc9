import { HoldfastError } from '@holdfast/internal';

/** Somebody else has changed the row since it was read. Nothing was changed. */
export class VersionConflictError<Row extends object = object> extends HoldfastError {
  override readonly name = 'VersionConflictError';
  declare readonly code: 'VERSION_CONFLICT';
  readonly table: string;
  readonly id: unknown;
  /** As the caller gave it. */
  readonly expected: number | bigint | string;
  /** As the driver reads it: int8 is text by default. The same as expected when a column of `also` has changed. */
  readonly actual: unknown;
  /** The row as it was when the change was refused. */
  readonly current: Row;

  constructor(facts: {
    readonly table: string;
    readonly id: unknown;
    readonly expected: number | bigint | string;
    readonly actual: unknown;
    readonly current: Row;
  }) {
    const { table, id, expected, actual, current } = facts;
    const versions =
      String(expected) === String(actual)
        ? `it has version ${expected} still, but a column of \`also\` differs`
        : `expected version ${expected}, found ${String(actual)}`;
    super('VERSION_CONFLICT', `row ${String(id)} of ${table} was changed: ${versions}`);
    this.table = table;
    this.id = id;
    this.expected = expected;
    this.actual = actual;
    this.current = current;
  }
}

/** There is no row with the id: it was deleted, or never there, or is hidden from this role. */
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

/** The row is as the caller has read it, and the database did not change it all the same. */
export class UpdateSuppressedError extends HoldfastError {
  override readonly name = 'UpdateSuppressedError';
  declare readonly code: 'UPDATE_SUPPRESSED';
  readonly table: string;
  readonly id: unknown;

  constructor(table: string, id: unknown) {
    super(
      'UPDATE_SUPPRESSED',
      `row ${String(id)} of ${table} has the expected version and was not changed: ` +
        'a trigger or a row security policy does not let this update through',
    );
    this.table = table;
    this.id = id;
  }
}

/** Somebody else held a row for longer than `wait` allows. No row is locked by the call; the transaction can go on. */
export class RowLockTimeoutError extends HoldfastError {
  override readonly name = 'RowLockTimeoutError';
  declare readonly code: 'ROW_LOCK_TIMEOUT';
  readonly table: string;
  /** All that were asked for: the server does not say which of them was held. */
  readonly ids: readonly unknown[];
  readonly wait: 'nowait' | number;

  constructor(
    table: string,
    ids: readonly unknown[],
    wait: 'nowait' | number,
    options: { readonly cause: unknown },
  ) {
    const when = wait === 'nowait' ? 'at once' : `within ${wait} ms`;
    super('ROW_LOCK_TIMEOUT', `${listRows(ids)} of ${table} could not be locked ${when}`, options);
    this.table = table;
    this.ids = ids;
    this.wait = wait;
  }
}

/**
 * Not all rows could be locked, and `require` is `all`. Those that could stay locked until the transaction, or the
 * savepoint around the call, ends.
 */
export class RowsNotLockedError extends HoldfastError {
  override readonly name = 'RowsNotLockedError';
  declare readonly code: 'ROWS_NOT_LOCKED';
  readonly table: string;
  /** There are no such rows. */
  readonly missing: readonly unknown[];
  /** Locked by others; only with `wait: 'skip'`. */
  readonly skipped: readonly unknown[];

  constructor(table: string, missing: readonly unknown[], skipped: readonly unknown[]) {
    const parts = [
      ...(missing.length === 0 ? [] : [`${listRows(missing)} missing`]),
      ...(skipped.length === 0 ? [] : [`${listRows(skipped)} held by others`]),
    ];
    super('ROWS_NOT_LOCKED', `not all rows of ${table} could be locked: ${parts.join(', ')}`);
    this.table = table;
    this.missing = missing;
    this.skipped = skipped;
  }
}

/** The client has no transaction open: a lock of a row would end with the statement that takes it. Nothing was done. */
export class NotInTransactionError extends HoldfastError {
  override readonly name = 'NotInTransactionError';
  declare readonly code: 'NOT_IN_TRANSACTION';

  constructor(options: { readonly cause: unknown }) {
    super(
      'NOT_IN_TRANSACTION',
      'rows can be locked in a transaction only, and this client has none open: send BEGIN first, or use runTransaction',
      options,
    );
  }
}

/** Enough of them to know which ones are meant. */
const LISTED = 5;

function listRows(ids: readonly unknown[]): string {
  const more = ids.length > LISTED ? ` and ${ids.length - LISTED} more` : '';
  return `${ids.length === 1 ? 'row' : 'rows'} ${ids.slice(0, LISTED).map(String).join(', ')}${more}`;
}
