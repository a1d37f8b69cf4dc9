import { StoreSchemaNewerError } from '../errors.ts';
import type { Database } from './database.ts';

/** Tables that this package keeps in an SQLite file, which may hold other things as well. */
export interface Schema {
  /** What makes version 1, what makes version 2 out of that, and so on. The last notes its number where `versionOf` looks. */
  readonly steps: readonly string[];
  /** 0: the file has none of the tables. */
  readonly versionOf: (database: Database) => number;
}

/** Brings the file to the present version. @throws {StoreSchemaNewerError} */
export function migrate(database: Database, { steps, versionOf }: Schema, path: string): void {
  const current = steps.length;
  if (versionOf(database) === current) return;
  database.exec('BEGIN IMMEDIATE');
  try {
    // Looked at again under the lock: another process may have been faster.
    const version = versionOf(database);
    if (version > current) throw new StoreSchemaNewerError(path, version, current);
    for (const step of steps.slice(version)) database.exec(step);
    database.exec('COMMIT');
  } catch (error) {
    if (database.inTransaction) database.exec('ROLLBACK');
    throw error;
  }
}

export function hasTable(database: Database, name: string): boolean {
  const found = database.prepare(
    "SELECT 1 AS found FROM sqlite_schema WHERE type = 'table' AND name = ?1",
  );
  return found.get([name]) !== undefined;
}
