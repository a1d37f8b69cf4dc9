import type { Clock } from '@holdfast/internal';

/** The rows of an answer; a result of `pg` has this shape. */
export interface QueryResultLike<Row> {
  readonly rows: Row[];
}

/** Anything that runs one statement: a pool, a client or a `LockedTransaction`. */
export interface Queryable {
  // The values are as loose as the driver's: it serialises them.
  query<Row extends object>(text: string, values?: unknown[]): Promise<QueryResultLike<Row>>;
}

/** What locks need of a connection; a client of `pg` has this shape. */
export interface PgClientLike extends Queryable {
  release(error?: Error | boolean): void;
  on(event: 'error', listener: (error: Error) => void): unknown;
  removeListener(event: 'error', listener: (error: Error) => void): unknown;
}

/** What locks need of a pool; `pg.Pool` has this shape. */
export interface PgPoolLike {
  connect(): Promise<PgClientLike>;
}

/**
 * The name of a lock: text, or parts that are kept apart, so `['a', 'bc']` and `['ab', 'c']` are two locks. Numbers count
 * as their decimal text, so `5`, `5n` and `'5'` are the same part.
 */
export type LockKey = string | readonly (string | number | bigint)[];

export interface LocksOptions {
  readonly db: PgPoolLike;
  /** Keeps the keys of one application apart from those of others in the same database. */
  readonly namespace: string;
  readonly clock?: Clock | undefined;
}

export interface AdvisoryLockOptions {
  /**
   * How long to wait in the server's fair queue: `forever`, not at all (`try`), or milliseconds from 1 to 2^31 - 1.
   * Default 30 000. The wait for a connection of the pool comes before it: the pool's own timeout bounds that.
   */
  readonly wait?: 'forever' | 'try' | number | undefined;
  /** Ends the wait at once. While the function runs, it aborts `tx.signal`; the transaction is then rolled back. */
  readonly signal?: AbortSignal | undefined;
}

/** Who holds a lock, as the server sees it. */
export interface LockHolder {
  /** Of the server process. */
  readonly pid: number;
  readonly applicationName: string | undefined;
  /** `active`, `idle in transaction`, …: `state` of `pg_stat_activity`. */
  readonly state: string | undefined;
  /** Start of the holder's transaction. */
  readonly since: Date | undefined;
}

/** The transaction that holds the lock. */
export interface LockedTransaction extends Queryable {
  /** Aborts when the connection is lost, and with it the lock (reason `LOCK_LOST`), or when the caller aborts. */
  readonly signal: AbortSignal;
}

export interface LocksEvents {
  readonly acquired: { readonly key: string; readonly waitedMs: number };
  /** The transaction has ended, whichever way. */
  readonly released: { readonly key: string; readonly heldMs: number };
  readonly timeout: {
    readonly key: string;
    readonly waitedMs: number;
    readonly holders: readonly LockHolder[];
  };
  /** The connection died while the function ran. */
  readonly lost: { readonly key: string; readonly error: Error };
  /** The function failed, and so did the ROLLBACK after it: the connection was destroyed, which releases the lock. */
  readonly rollbackFailed: { readonly key: string; readonly error: unknown };
}

/** Counters since creation, gauges of this moment; plain JSON. */
export interface LocksSnapshot {
  readonly acquired: number;
  readonly timedOut: number;
  readonly lost: number;
  readonly waiting: number;
  readonly held: number;
}

export interface Locks {
  /**
   * Runs `fn` inside the transaction that holds the lock, and commits. READ COMMITTED; one connection; two round trips
   * besides those of `fn`. The lock ends with the transaction, so it is safe behind a pooler in transaction mode.
   *
   * @throws {TypeError | RangeError} at once, for a wrong key or option.
   * Rejects with `LOCK_TIMEOUT`, `LOCK_LOST`, `AMBIGUOUS_COMMIT`, `TRANSACTION_ROLLED_BACK`, `signal.reason`, what `fn`
   * rejects with, or, before the lock is held, the driver's error (57014 when a `statement_timeout` ends the wait); the transaction is rolled back in every case but `AMBIGUOUS_COMMIT`, where nobody can tell.
   */
  withAdvisoryLock<T>(
    key: LockKey,
    fn: (tx: LockedTransaction) => Promise<T>,
    options?: AdvisoryLockOptions,
  ): Promise<T>;
  /** Adds a listener and returns the function that removes it. A listener that throws changes no result. */
  on<K extends keyof LocksEvents>(
    event: K,
    listener: (payload: LocksEvents[K]) => void,
  ): () => void;
  snapshot(): LocksSnapshot;
}
