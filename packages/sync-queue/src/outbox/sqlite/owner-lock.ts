import { OutboxInUseError } from '../outbox-errors.ts';
import type { Database, DatabaseConstructor } from '../../sqlite/database.ts';
import { codeOf } from '../../sqlite/error-code.ts';
import type { ResolvedFileOptions } from '../../sqlite/file-options.ts';
import { plainPath } from '../../sqlite/file-uri.ts';
import { openFailure } from '../../sqlite/open-failure.ts';

/**
 * Makes an outbox the only one on its file, for as long as the connection is open: it holds SQLite's exclusive lock on a
 * file beside it. The system gives that up when the process ends, however it ends (SQLite, "File Locking And
 * Concurrency", 3.0), so nothing is left behind that would have to be broken.
 *
 * @throws {OutboxInUseError | StoreFailedError}
 */
export function takeOwnerLock(options: ResolvedFileOptions, Driver: DatabaseConstructor): Database {
  const { path } = options;
  let lock: Database | undefined;
  try {
    lock = new Driver(`${plainPath(path)}-outbox-lock`, { timeout: 0 });
    lock.exec('BEGIN EXCLUSIVE');
    return lock;
  } catch (cause) {
    lock?.close();
    const isTaken = codeOf(cause)?.startsWith('SQLITE_BUSY') === true;
    throw isTaken ? new OutboxInUseError(path, { cause }) : openFailure(cause, options);
  }
}
