import { StoreFailedError } from '../../errors.ts';
import { transact, type Database } from '../../sqlite/database.ts';
import type { OutboxRows } from '../outbox-store.ts';
import type { SqliteRows } from './sqlite-rows.ts';

/** Work of one caller, and whom to tell what became of it. */
export interface Write {
  /** May be run again when it was taken back with others. Says whether it has thrown, or should have. */
  run(rows: SqliteRows): 'done' | 'refused';
  /** What it did last is durable. */
  settle(): void;
  fail(error: unknown): void;
}

interface Place {
  readonly database: Database;
  readonly rows: SqliteRows;
}

/** Ends a transaction that holds a part of a write. */
const HALF_WAY = new Error('a write has thrown half way');

/**
 * Does writes in one commit, each of them wholly or not at all, and tells their callers. A savepoint for each would keep
 * a copy of every page that it changes, which takes as long as all else; so they have none, unless one throws half way.
 */
export function commitGroup(place: Place, group: readonly Write[]): void {
  try {
    if (!commitTogether(place, group)) commitApart(place, group);
  } catch (error) {
    for (const write of group) write.fail(error);
    return;
  } finally {
    place.rows.end();
  }
  for (const write of group) write.settle();
}

export function createWrite<T>(
  work: (rows: OutboxRows) => T,
  resolve: (value: T) => void,
  reject: (error: unknown) => void,
): Write {
  let settle: () => void = () => undefined;
  return {
    run(rows) {
      try {
        const result = work(rows);
        // Half of it may be missing, though it takes no notice.
        if (rows.failure !== undefined) throw rows.failure.error;
        settle = () => resolve(result);
        return 'done';
      } catch (error) {
        const why = rows.failure && new StoreFailedError('not-applied', rows.failure.error);
        settle = () => reject(why ?? error);
        return 'refused';
      }
    },
    settle: () => settle(),
    fail: reject,
  };
}

/** False: one has thrown when it had changed something, and nothing of any is done. */
function commitTogether({ database, rows }: Place, group: readonly Write[]): boolean {
  try {
    transact(database, () => {
      rows.begin();
      for (const write of group) {
        const before = rows.changes;
        const isRefused = write.run(rows) === 'refused';
        requireTransaction(database, rows);
        if (isRefused && (rows.changes !== before || rows.failure !== undefined)) throw HALF_WAY;
      }
      rows.count();
    });
    return true;
  } catch (error) {
    if (error instanceof StoreFailedError && error.cause === HALF_WAY) return false;
    throw error;
  }
}

function commitApart({ database, rows }: Place, group: readonly Write[]): void {
  transact(database, () => {
    rows.begin();
    for (const write of group) {
      database.exec('SAVEPOINT write');
      const isRefused = write.run(rows) === 'refused';
      requireTransaction(database, rows);
      if (!isRefused) rows.count();
      else {
        database.exec('ROLLBACK TO write');
        rows.begin();
      }
      database.exec('RELEASE write');
    }
  });
}

/** SQLite itself ends it when it cannot go on, at a read as well; what came after would be outside of it: the group fails. */
function requireTransaction(database: Database, { failure }: SqliteRows): void {
  if (database.inTransaction) return;
  throw failure === undefined ? new Error('the transaction has ended') : failure.error;
}
