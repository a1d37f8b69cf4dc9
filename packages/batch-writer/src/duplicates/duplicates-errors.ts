import { HoldfastError, isHoldfastError } from '@holdfast/internal';
import { sqlstateOf } from '../classify.ts';
import { PoolClosedError, TableMismatchError } from '../errors.ts';
import { hasEnded } from '../pool-ended.ts';

/** The server, or the session, may only read. A dry run is possible. */
export class ServerReadOnlyError extends HoldfastError {
  override readonly name = 'ServerReadOnlyError';
  declare readonly code: 'SERVER_READ_ONLY';

  constructor(table: string, options?: { readonly cause?: unknown }) {
    super(
      'SERVER_READ_ONLY',
      `table ${table} cannot be cleaned up: the server is read-only; a dry run is possible`,
      options,
    );
  }
}

/** The clean-up cannot be done as asked, or the server refused a statement of it: the message says why. What was deleted stays deleted. */
export class DuplicatesRefusedError extends HoldfastError {
  override readonly name = 'DuplicatesRefusedError';
  declare readonly code: 'DUPLICATES_REFUSED';

  constructor(table: string, reason: string, options?: { readonly cause?: unknown }) {
    super('DUPLICATES_REFUSED', `table ${table} cannot be cleaned up: ${reason}`, options);
  }
}

/** Another run of the same clean-up has begun and goes on with what this one had found. */
export class DuplicatesTakenOverError extends HoldfastError {
  override readonly name = 'DuplicatesTakenOverError';
  declare readonly code: 'DUPLICATES_TAKEN_OVER';

  constructor(table: string, options?: { readonly cause?: unknown }) {
    super(
      'DUPLICATES_TAKEN_OVER',
      `another run of the same clean-up of table ${table} has taken over`,
      options,
    );
  }
}

/** What a caller gets for a failure of a statement or of the pool. */
export function explainFailure(table: string, pool: object, error: unknown): unknown {
  if (isHoldfastError(error)) return error;
  if (hasEnded(pool)) return new PoolClosedError(table, error);
  const state = sqlstateOf(error);
  if (state === undefined || !(error instanceof Error)) return error;
  const message = error.message;
  if (state === '25006') return new ServerReadOnlyError(table, { cause: error });
  if (state === '42703') return new TableMismatchError(table, message);
  // Syntax and grants, constraints that other tables have on the rows, values, what the server cannot do, its limits.
  if (!/^(0A|22|23|42|54|57014|P0)/.test(state)) return error;
  return new DuplicatesRefusedError(table, `${message} (${state})`, { cause: error });
}
