import { isInTransaction } from '@holdfast/internal';
import { StoreFailedError, TransactionInvalidError } from '../errors.ts';
import { kindOf } from '../kind-of.ts';
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
 * What has a `query` may be no transaction all the same.
 *
 * @throws {TransactionInvalidError | StoreFailedError}
 */
export async function requireBegun(transaction: TransactionLike): Promise<void> {
  if ('withoutPlugins' in transaction) return;
  const isBegun = await isInTransaction(transaction).catch((error: unknown) => {
    throw new StoreFailedError('not-applied', error);
  });
  if (!isBegun) throw new TransactionInvalidError(RULE, 'one without an open transaction');
}

const RULE = 'a client of pg after BEGIN, or a transaction of Kysely';

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
