import { StoreSchemaNewerError } from '../errors.ts';
import type { Database } from './database.ts';

/** Kept in `user_version` of the file. */
const SCHEMA_VERSION = 1;

/**
 * `place` orders the items of a state: `ready` by delivery, `delayed` by when they are due, `leased` by when the lease
 * ends, `dead` by when they died. `head` and `tail` are the places of the first and the last ready item.
 */
const SCHEMA = `
CREATE TABLE sync_queue (
  queue TEXT PRIMARY KEY,
  count INTEGER NOT NULL DEFAULT 0,
  bytes INTEGER NOT NULL DEFAULT 0,
  head INTEGER NOT NULL DEFAULT 0,
  tail INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE TABLE sync_item (
  queue TEXT NOT NULL,
  id TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('ready', 'delayed', 'leased', 'dead')),
  place INTEGER NOT NULL,
  attempt INTEGER NOT NULL DEFAULT 0,
  tries_from INTEGER NOT NULL DEFAULT 0,
  enqueued_ms INTEGER NOT NULL,
  reason TEXT,
  payload BLOB NOT NULL,
  PRIMARY KEY (queue, id)
);
CREATE INDEX sync_item_place ON sync_item (queue, state, place);
PRAGMA user_version = ${SCHEMA_VERSION};
`;

/** @throws {StoreSchemaNewerError} */
export function migrate(database: Database, path: string): void {
  if (versionOf(database) === SCHEMA_VERSION) return;
  database.exec('BEGIN IMMEDIATE');
  try {
    // Looked at again under the lock: another process may have been faster.
    const version = versionOf(database);
    if (version > SCHEMA_VERSION) throw new StoreSchemaNewerError(path, version, SCHEMA_VERSION);
    if (version === 0) database.exec(SCHEMA);
    database.exec('COMMIT');
  } catch (error) {
    if (database.inTransaction) database.exec('ROLLBACK');
    throw error;
  }
}

function versionOf(database: Database): number {
  const row = database.prepare('PRAGMA user_version').get([]) as { readonly user_version: number };
  return row.user_version;
}
