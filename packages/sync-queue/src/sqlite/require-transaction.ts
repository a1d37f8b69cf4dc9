import { TransactionInvalidError } from '../errors.ts';
import { kindOf } from '../kind-of.ts';
import type { Database } from './database.ts';

const RULE = 'a connection of libsql after BEGIN';

/** Without a transaction each statement would be a commit of its own. @throws {TransactionInvalidError} */
export function requireTransaction(given: unknown): Database {
  const { prepare, exec, inTransaction } = (given ?? {}) as {
    readonly [K in keyof Database]?: unknown;
  };
  if (typeof prepare !== 'function' || typeof exec !== 'function') {
    throw new TransactionInvalidError(RULE, `${kindOf(given)} without prepare and exec`);
  }
  if (inTransaction === true) return given as Database;
  throw new TransactionInvalidError(RULE, 'one without an open transaction');
}

/** @throws {TransactionInvalidError} */
export function refuseOtherFile(): never {
  throw new TransactionInvalidError(`${RULE} to the file of the store`, 'one to another file');
}
