import { OutboxInUseError } from '../outbox-errors.ts';
import type { Database, DatabaseConstructor } from '../../sqlite/database.ts';

/**
 * Makes an outbox the only one on its file, for as long as the connection is open: it holds SQLite's exclusive lock on a
 * file beside it. The system gives that up when the process ends, however it ends (SQLite, "File Locking And
 * Concurrency", 3.0), so nothing is left behind that would have to be broken.
 *
 * @throws {OutboxInUseError}
 */
export function takeOwnerLock(path: string, Driver: DatabaseConstructor): Database {
  const lock = new Driver(`${path}-outbox-lock`, { timeout: 0 });
  try {
    lock.exec('BEGIN EXCLUSIVE');
    return lock;
  } catch (cause) {
    lock.close();
    if (isBusy(cause)) throw new OutboxInUseError(path, { cause });
    throw cause;
  }
}

function isBusy(error: unknown): boolean {
  if (typeof error !== 'object' || error === null || !('code' in error)) return false;
  return typeof error.code === 'string' && error.code.startsWith('SQLITE_BUSY');
}
