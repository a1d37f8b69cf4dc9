import { StoreDriverMissingError, StoreFailedError } from '../errors.ts';
import { codeOf } from './error-code.ts';
import type { ResolvedFileOptions } from './file-options.ts';
import { migrate, type Schema } from './migrate.ts';
import { openFailure } from './open-failure.ts';

/** A value as libsql takes it: it ends the process at a boolean. */
export type SqlValue = string | number | Uint8Array | null;

/** What the store uses of libsql, which has the API of better-sqlite3. */
export interface Database {
  readonly inTransaction: boolean;
  exec(sql: string): void;
  pragma(source: string): unknown;
  prepare(sql: string): Statement;
  close(): void;
}

export interface Statement {
  run(parameters: readonly SqlValue[]): { readonly changes: number };
  get(parameters: readonly SqlValue[]): unknown;
  all(parameters: readonly SqlValue[]): unknown[];
}

export type DatabaseConstructor = new (
  path: string,
  options: { readonly timeout: number; readonly encryptionKey?: string },
) => Database;

export interface DatabaseOptions extends ResolvedFileOptions {
  /** Made in the file, or brought to its present version. */
  readonly schema: Schema;
  /** Loads the driver. Default: libsql. */
  readonly load?: (() => Promise<DatabaseConstructor>) | undefined;
}

/** How long a call waits for the write lock of another process; the event loop waits with it. */
export const BUSY_TIMEOUT_MS = 5000;

/** @throws {StoreDriverMissingError | StoreKeyWrongError | StoreSchemaNewerError | StoreFailedError} */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  const { path, encryptionKey, synchronous } = options;
  const Driver = await loadDriver(options.load);
  let database: Database | undefined;
  try {
    database = new Driver(path, {
      timeout: BUSY_TIMEOUT_MS,
      ...(encryptionKey === undefined ? {} : { encryptionKey }),
    });
    // Readers do not wait for the writer, and a commit is one write to one file (SQLite, "Write-Ahead Logging").
    database.pragma('journal_mode = WAL');
    database.exec(`PRAGMA synchronous = ${synchronous}`);
    migrate(database, options.schema, path);
    return database;
  } catch (error) {
    database?.close();
    throw openFailure(error, options);
  }
}

/**
 * Runs `work` in a transaction that holds the write lock from its start, so that it cannot fail half way for a lock.
 *
 * @throws {StoreFailedError}
 */
export function transact<T>(database: Database, work: () => T): T {
  let isCommitting = false;
  try {
    database.exec('BEGIN IMMEDIATE');
    const result = work();
    isCommitting = true;
    database.exec('COMMIT');
    return result;
  } catch (error) {
    // A commit that has ended the transaction and failed all the same is the one open case. Of one that found the disk
    // full the last frame is not there, without which the log holds nothing of it (SQLite, "WAL-mode File Format").
    const isOpen = database.inTransaction;
    if (isOpen) database.exec('ROLLBACK');
    const isKnown = !isCommitting || isOpen || isBusy(error) || codeOf(error) === 'SQLITE_FULL';
    throw new StoreFailedError(isKnown ? 'not-applied' : 'unknown', error);
  }
}

/** Runs `work`, all of whose reads see one moment (SQLite, "Isolation In SQLite"). */
export function readAtOnce<T>(database: Database, work: () => T): T {
  database.exec('BEGIN');
  try {
    return work();
  } finally {
    // SQLite ends it by itself at some errors, of which the first one counts.
    if (database.inTransaction) database.exec('COMMIT');
  }
}

/**
 * Runs `work` in a transaction of the caller's, in which nothing of it is left when it fails.
 *
 * @throws {StoreFailedError}
 */
export function transactWithin<T>(database: Database, work: () => T): T {
  let hasBegun = false;
  try {
    database.exec('SAVEPOINT sync_queue');
    hasBegun = true;
    const result = work();
    database.exec('RELEASE sync_queue');
    return result;
  } catch (error) {
    // SQLite may have ended the transaction itself, and then nothing of it is left either.
    const isOpen = hasBegun && database.inTransaction;
    if (isOpen) database.exec('ROLLBACK TO sync_queue; RELEASE sync_queue');
    throw new StoreFailedError('not-applied', error);
  }
}

/** Only when a store is opened: the driver is an optional peer. @throws {StoreDriverMissingError} */
export async function loadDriver(load = loadLibsql): Promise<DatabaseConstructor> {
  try {
    return await load();
  } catch (error) {
    throw new StoreDriverMissingError('libsql', error);
  }
}

async function loadLibsql(): Promise<DatabaseConstructor> {
  const module = (await import('libsql')) as unknown as { readonly default: DatabaseConstructor };
  return module.default;
}

function isBusy(error: unknown): boolean {
  return codeOf(error)?.startsWith('SQLITE_BUSY') === true;
}
