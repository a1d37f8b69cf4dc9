import { StoreFailedError, TransactionInvalidError } from '../errors.ts';
import { kindOf } from '../kind-of.ts';
import { sqlstateOf } from './failure.ts';
import type { TransactionLike } from './ports.ts';

/**
 * A pool would run the statement on any of its connections, and a Kysely without a transaction as one of its own: the
 * item would be held whatever becomes of the caller's transaction.
 *
 * @throws {TransactionInvalidError}
 */
export function requireTransaction(given: unknown): TransactionLike {
  const got = whyNone(given);
  if (got === undefined) return given as TransactionLike;
  throw new TransactionInvalidError(RULE, got);
}

/**
 * What has a `query` may be no transaction all the same. A driver that knows of an open one is not asked further; one that
 * knows of none may have its BEGIN still to send, so the server says.
 *
 * @throws {TransactionInvalidError | StoreFailedError}
 */
export async function requireBegun(transaction: TransactionLike): Promise<void> {
  if ('withoutPlugins' in transaction) return;
  const { getTransactionStatus: status } = transaction as { getTransactionStatus?: () => unknown };
  const known = typeof status === 'function' ? status.call(transaction) : undefined;
  // Open, or failed (PostgreSQL manual, 55.7, ReadyForQuery).
  if (known === 'T' || known === 'E') return;
  try {
    // Outside of a transaction the server refuses it, and nothing has happened.
    await transaction.query('SAVEPOINT holdfast_queue');
    await transaction.query('RELEASE SAVEPOINT holdfast_queue');
  } catch (error) {
    if (sqlstateOf(error) !== NO_TRANSACTION) throw new StoreFailedError('not-applied', error);
    throw new TransactionInvalidError(RULE, 'one without an open transaction');
  }
}

const RULE = 'a client of pg after BEGIN, or a transaction of Kysely';
const NO_TRANSACTION = '25P01';

function whyNone(given: unknown): string | undefined {
  if (typeof given !== 'object' || given === null) return kindOf(given);
  const { query, totalCount, withoutPlugins, isTransaction } = given as Shape;
  if (typeof withoutPlugins === 'function') {
    return isTransaction === true ? undefined : 'a Kysely that is in none';
  }
  // `pg.Pool` counts its connections, and no client does.
  if (totalCount !== undefined) return 'a pool';
  return typeof query === 'function' ? undefined : 'an object without query';
}

interface Shape {
  readonly query?: unknown;
  readonly totalCount?: unknown;
  readonly withoutPlugins?: unknown;
  readonly isTransaction?: unknown;
}
