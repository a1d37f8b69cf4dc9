import { statSync } from 'node:fs';
import { messageOf, OperatorError } from '@holdfast/cli-kit';
import { isHoldfastError, systemClock } from '@holdfast/internal';
import { BUSY_TIMEOUT_MS, loadDriver, type Database } from '../../sqlite/database.ts';
import { codeOf } from '../../sqlite/error-code.ts';
import { hasTable } from '../../sqlite/migrate.ts';
import { whyUnreadable } from '../../sqlite/open-failure.ts';
import { QUEUE_SCHEMA } from '../../sqlite/schema.ts';
import { SharedFile } from '../../sqlite/shared-file.ts';
import { SqliteQueue } from '../../sqlite/sqlite-queue.ts';
import { statementsOf } from '../../sqlite/statements.ts';
import type { OperatedStore } from './operated-store.ts';
import { requireVersion } from './require-version.ts';

export interface SqliteAccess {
  readonly path: string;
  readonly encryptionKey: string | undefined;
}

/** Rejects with `OperatorError` when there is no such file, it cannot be read, or it holds no queues. */
export async function withSqlite<T>(
  access: SqliteAccess,
  fn: (store: OperatedStore) => Promise<T>,
): Promise<T> {
  const { path } = access;
  const file = new SharedFile(path, systemClock, () => openExisting(access));
  try {
    await file.open();
    try {
      return await fn({
        label: path,
        schemaVersion: QUEUE_SCHEMA.steps.length,
        names: () => Promise.resolve(file.read(namesIn)),
        recorded: (name) => Promise.resolve(file.read((database) => recordedIn(database, name))),
        queue: (name, settings) =>
          new SqliteQueue(file, { name, settings, now: () => systemClock.wallNow() }),
      });
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof OperatorError) throw error;
    throw new OperatorError(explain(error, access), { cause: error });
  }
}

/** SQLite makes a file that is not there, and the store makes its tables: neither may happen here. */
async function openExisting({ path, encryptionKey }: SqliteAccess): Promise<Database> {
  if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true) {
    throw new OperatorError(`there is no file ${path}`);
  }
  const Driver = await loadDriver();
  const key = encryptionKey === undefined ? {} : { encryptionKey };
  const database = new Driver(path, { timeout: BUSY_TIMEOUT_MS, ...key });
  try {
    if (!hasTable(database, 'sync_queue')) throw new OperatorError(`${path} holds no queues`);
    requireVersion(path, QUEUE_SCHEMA.versionOf(database), QUEUE_SCHEMA.steps.length);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function namesIn(database: Database): string[] {
  const rows = statementsOf(database).names.all([]) as { readonly queue: string }[];
  return rows.map(({ queue }) => queue);
}

function recordedIn(database: Database, name: string): string | null | undefined {
  const row = statementsOf(database).settings.get([name]);
  return (row as { readonly settings: string | null } | undefined)?.settings;
}

function explain(error: unknown, { path, encryptionKey }: SqliteAccess): string {
  const cause = isHoldfastError(error, 'STORE_FAILED') ? error.cause : error;
  if (isHoldfastError(cause, 'STORE_DRIVER_MISSING')) {
    return 'the package libsql is not installed: npm install libsql';
  }
  if (codeOf(cause) === 'SQLITE_NOTADB') {
    const key = { name: 'HOLDFAST_QUEUE_KEY', isSet: encryptionKey !== undefined };
    return `${path} cannot be read: ${whyUnreadable(path, key)}`;
  }
  return `${path}: ${messageOf(cause)}`;
}
