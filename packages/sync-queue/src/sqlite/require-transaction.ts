import { TransactionInvalidError } from '../errors.ts';
import { kindOf } from '../kind-of.ts';
import type { Database } from './database.ts';
import { filesOf, isSameFile } from './is-same-file.ts';

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

/** On another one it may find tables of the same names. @throws {TransactionInvalidError} unless it is to one of `files`. */
export function requireSameFile(database: Database, files: readonly string[]): void {
  const isSame = filesOf(database).some((given) => files.some((file) => isSameFile(given, file)));
  if (isSame) return;
  throw new TransactionInvalidError(`${RULE} to the file of the store`, 'one to another file');
}
