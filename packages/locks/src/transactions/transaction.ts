import type { LockKey } from '../lock-key.ts';
import type { KyselyTransactionOf, PgClientLike, Queryable } from '../ports.ts';

/** Isolation levels of PostgreSQL, the weakest first (manual, 13.2). */
export type Isolation = 'read committed' | 'repeatable read' | 'serializable';

/** Which failures are worth another try of the whole transaction, how often, and after which back-off with full jitter. */
export interface RetryOptions {
  /** Tries in all, at least 1. Default 10. */
  readonly attempts?: number | undefined;
  /** Longest delay before the second try, milliseconds; it doubles from try to try. Default 16. */
  readonly baseMs?: number | undefined;
  /** Longest delay, milliseconds. Default 250. */
  readonly capMs?: number | undefined;
}

export interface TransactionTimeouts {
  /** Each wait for a lock of a row, table or key: `lock_timeout`. */
  readonly lockMs?: number | undefined;
  /** Each statement: `statement_timeout`. */
  readonly statementMs?: number | undefined;
  /** Each pause between two statements: `idle_in_transaction_session_timeout`. */
  readonly idleMs?: number | undefined;
  /** One try of the transaction, from BEGIN to the answer to COMMIT, by this process's clock. */
  readonly totalMs?: number | undefined;
}

export interface TransactionOptions {
  /** Default `read committed`. */
  readonly isolation?: Isolation | undefined;
  /** Default false. */
  readonly readOnly?: boolean | undefined;
  /** Waits for a snapshot that cannot fail; of use to `serializable`, `readOnly` transactions alone. Default false. */
  readonly deferrable?: boolean | undefined;
  /** Of serialization failures (40001) and deadlocks (40P01). `false`: none. Default: up to 10 tries in all. */
  readonly retry?: RetryOptions | false | undefined;
  /**
   * What a call inside another transaction of the same locks does. `savepoint`: what it did can be undone alone.
   * `join`: it is a part of the outer one. `forbid`: rejects with `TRANSACTION_NESTED`. Default `savepoint`. What the outer
   * one does not give (isolation, the same `readOnly`, `timeouts` of its own) is refused with `TRANSACTION_TOO_WEAK`.
   */
  readonly nested?: 'savepoint' | 'join' | 'forbid' | undefined;
  /** Milliseconds from 1 to 2^31 - 1 each. Default: what the session has, and no bound on the whole. */
  readonly timeouts?: TransactionTimeouts | undefined;
  /**
   * When the answer to COMMIT is lost. `resolve`: the server is asked on another connection; costs one round trip
   * before each COMMIT. `throw`: rejects with `AMBIGUOUS_COMMIT`.
   */
  readonly ambiguous?: 'resolve' | 'throw' | undefined;
  /**
   * Ends what waits at once; while the function runs it aborts `tx.signal`. The transaction is then rolled back; inside
   * another one the savepoint is, when the function has settled, and `tx.signal` is the outer one's.
   */
  readonly signal?: AbortSignal | undefined;
}

export interface TransactionLockOptions {
  /**
   * How long to wait in the server's fair queue: `forever`, not at all (`try`), or milliseconds from 1 to 2^31 - 1.
   * Default 30 000.
   */
  readonly wait?: 'forever' | 'try' | number | undefined;
  /** Others may hold it as well, if all of them share it. Default false. */
  readonly shared?: boolean | undefined;
}

/** A transaction that is open. It runs nothing more once it has ended, or its connection is lost. */
export interface Transaction<
  Client extends PgClientLike = PgClientLike,
  Kysely = never,
> extends Queryable {
  /**
   * The client of the driver, for whatever takes one. It cannot be released, and refuses queries once the transaction
   * has ended.
   */
  readonly pg: Client;
  /**
   * The same transaction for Kysely.
   *
   * @throws {TypeError} when the locks were created without `kysely`.
   */
  kysely(): KyselyTransactionOf<Kysely>;
  /** The first is 1. */
  readonly attempt: number;
  /** Aborts when the connection is lost, or when the caller aborts. */
  readonly signal: AbortSignal;
  /**
   * Calls `hook` once when the outermost transaction has been committed, not when that is unknown, and waits for it. A
   * hook that fails changes no result: it is told by the event `hookFailed`.
   *
   * @throws {TransactionEndedError} when it would never be called, as after the end.
   */
  afterCommit(hook: () => unknown): void;
  /**
   * Calls `hook` once when this transaction, or the savepoint that it was added in, has been rolled back.
   *
   * @throws {TransactionEndedError} when it would never be called, as after the end.
   */
  afterRollback(hook: () => unknown): void;
  /**
   * Runs `fn` in a savepoint: when it rejects, what it did is undone, and the transaction can go on. Savepoints that are
   * opened at the same time run one after the other.
   */
  savepoint<T>(fn: (tx: Transaction<Client, Kysely>) => Promise<T>): Promise<T>;
  /**
   * Takes an advisory lock until the transaction ends. A time-out leaves the transaction as it was; queries that are sent
   * while it waits then fail with 25P02.
   *
   * Rejects with `LOCK_TIMEOUT`, or with `SNAPSHOT_TOO_OLD` above `read committed`: what the holder before has written
   * would not be seen.
   */
  lock(key: LockKey, options?: TransactionLockOptions): Promise<void>;
}
