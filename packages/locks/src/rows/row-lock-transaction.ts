import type { KyselyLike, Queryable } from '../ports.ts';
import { hasMethod, isKysely, queryableOf } from './queryable-of.ts';
import { NotInTransactionError } from './row-errors.ts';
import { frameOf, inTurn } from './turns.ts';
import { sqlstateOf } from '../sqlstate.ts';

/** A `Transaction`, a client that has one open, or a transaction of Kysely; a pool is none. */
export type RowLockTransaction =
  (Queryable & { readonly totalCount?: never }) | (KyselyLike & { readonly isTransaction: true });

/** What a lock of rows needs of an open transaction. What is asked for at the same time runs one after the other. */
export interface OpenTransaction {
  /** Runs `fn` where nothing that it does, or that fails in it, ends the transaction. */
  savepoint<T>(fn: (db: Queryable) => Promise<T>): Promise<T>;
  /** Runs `fn` in the transaction itself. */
  plainly<T>(fn: (db: Queryable) => Promise<T>): Promise<T>;
}

const SAVEPOINT = 'holdfast_rows';

/** no_active_sql_transaction (PostgreSQL manual, appendix A). */
const NO_TRANSACTION = '25P01';

/**
 * @throws {TypeError} when `tx` is a pool, Kysely outside of a transaction, or none of them.
 * A client that has no transaction open is told by a rejection with `NOT_IN_TRANSACTION` before any row is asked for.
 */
export function openTransactionOf(tx: RowLockTransaction): OpenTransaction {
  const frame = frameOf(tx);
  if (frame !== undefined) {
    return {
      savepoint: (fn) => frame.savepoint(fn),
      plainly: (fn) => frame.exclusively(fn),
    };
  }
  const isKyselyTransaction = isKysely(tx) && tx.isTransaction;
  if (isPool(tx) || (isKysely(tx) && !isKyselyTransaction)) {
    throw new TypeError(
      'tx must be an open transaction: a pool would lock the rows for the length of one statement only',
    );
  }
  if (!hasMethod(tx, 'query') && !isKyselyTransaction) {
    throw new TypeError('tx must be a transaction, or a client that has one open');
  }
  const db = queryableOf(tx);
  return {
    savepoint: (fn) => inTurn(tx, () => inSavepoint(db, fn)),
    plainly: (fn) =>
      inTurn(tx, async () => {
        // Only a savepoint asks the server: a lock outside of a transaction succeeds, and is gone with the answer.
        if (!isKyselyTransaction) {
          await setSavepoint(db);
          await db.query(`RELEASE SAVEPOINT ${SAVEPOINT}`);
        }
        return fn(db);
      }),
  };
}

/** A client can connect, too; but it has a process on the server. */
function isPool(tx: object): boolean {
  return hasMethod(tx, 'connect') && !hasMethod(tx, 'release') && !('processID' in tx);
}

async function inSavepoint<T>(db: Queryable, fn: (db: Queryable) => Promise<T>): Promise<T> {
  await setSavepoint(db);
  try {
    const value = await fn(db);
    await db.query(`RELEASE SAVEPOINT ${SAVEPOINT}`);
    return value;
  } catch (error) {
    await undo(db, error);
    throw error;
  }
}

async function setSavepoint(db: Queryable): Promise<void> {
  try {
    await db.query(`SAVEPOINT ${SAVEPOINT}`);
  } catch (error) {
    throw sqlstateOf(error) === NO_TRANSACTION
      ? new NotInTransactionError({ cause: error })
      : error;
  }
}

/** What `fn` failed with is the news; that it could not be undone comes as its cause. */
async function undo(db: Queryable, error: unknown): Promise<void> {
  try {
    await db.query(`ROLLBACK TO SAVEPOINT ${SAVEPOINT}`);
    await db.query(`RELEASE SAVEPOINT ${SAVEPOINT}`);
  } catch (second) {
    if (error instanceof Error) error.cause ??= second;
  }
}
