import type { Lease, LeaseHolder, LeaseOptions, LeasesSnapshot } from './leases/lease-contract.ts';
import type { LeaseTable } from './leases/lease-schema.ts';
import type { LocksEvents } from './events.ts';
import type { LockKey } from './lock-key.ts';
import type { ClientOf, KyselyLike, PgClientLike, PgPoolLike } from './ports.ts';
import type {
  Isolation,
  RetryOptions,
  Transaction,
  TransactionLockOptions,
  TransactionOptions,
} from './transactions/transaction.ts';
import type { RedisLike, TwoTierOptions, TwoTierSnapshot } from './two-tier/two-tier-contract.ts';
import type { Clock, Random } from '@holdfast/internal';

export interface LocksOptions<Pool extends PgPoolLike = PgPoolLike, Kysely = never> {
  /** A pool of `pg`. */
  readonly db: Pool;
  /**
   * A pool for session locks and leases alone. Without it they take connections of `db`, and holders that need a second
   * connection for their work may all wait for each other.
   */
  readonly lockDb?: PgPoolLike | undefined;
  /** The instance whose typed transactions `tx.kysely()` gives; it may use the same pool. */
  readonly kysely?: (Kysely & KyselyLike) | undefined;
  /** Where leases are kept: see `leaseSchema`. */
  readonly leases?: LeasePlace | undefined;
  /** The first tier of `withTwoTierLock`. */
  readonly redis?: RedisTier | undefined;
  /** Keeps the keys of one application apart from those of others in the same database. */
  readonly namespace: string;
  /**
   * What to do about session locks behind a pooler. `refuse`: they reject with `POOLER_DETECTED`. `session-mode`: it
   * gives each client a session of its own. `off`: there is none, do not look. Default `refuse`.
   */
  readonly pooler?: 'refuse' | 'session-mode' | 'off' | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: Random | undefined;
}

export interface LeasePlace extends LeaseTable {
  /** Who holds the leases, for people to read. Default: a random UUID. */
  readonly holder?: string | undefined;
}

export interface RedisTier {
  /** A client of `ioredis`, also of a cluster. */
  readonly client: RedisLike;
  /** In front of the names of its keys. Default `holdfast:lock:`. */
  readonly prefix?: string | undefined;
  /** Longest wait for one answer, milliseconds. Default 100. */
  readonly timeoutMs?: number | undefined;
}

export interface AdvisoryLockOptions extends TransactionLockOptions {
  /**
   * Of the function's transaction. Above `read committed` the lock is taken before BEGIN, so that the snapshot is not
   * older than the lock; that is a lock of the session, which a pooler in transaction mode cannot give. Default
   * `read committed`.
   */
  readonly isolation?: Isolation | undefined;
  /** Of serialization failures (40001) and deadlocks (40P01), with the lock taken anew. Default false: none. */
  readonly retry?: RetryOptions | false | undefined;
  /** When the answer to COMMIT is lost, see `TransactionOptions`. Default `throw`: two round trips in all. */
  readonly ambiguous?: 'resolve' | 'throw' | undefined;
  /** Ends the wait at once. While the function runs, it aborts `tx.signal`; the transaction is then rolled back. */
  readonly signal?: AbortSignal | undefined;
}

/** In a transaction of the caller's: `tx` of the same locks. */
export interface AdvisoryLockInOptions<Tx> extends TransactionLockOptions {
  readonly tx: Tx;
  // These are the transaction's own.
  readonly isolation?: never;
  readonly retry?: never;
  readonly ambiguous?: never;
  readonly signal?: never;
}

export interface SessionLockOptions extends TransactionLockOptions {
  /** Ends the wait at once. While the function runs, it aborts `held.signal`. */
  readonly signal?: AbortSignal | undefined;
  /**
   * So often the server is asked for a sign of life, milliseconds, at least 100: a connection that was cut without a
   * word is found dead within twice as long. Default 5 000.
   */
  readonly keepaliveMs?: number | undefined;
}

/** A lock of a session, while the function runs. */
export interface HeldLock<Client extends PgClientLike = PgClientLike> {
  readonly key: bigint;
  /** The connection that holds the lock. */
  readonly pg: Client;
  /** Aborts when the connection is lost (reason `LOCK_LOST`), or when the caller aborts. */
  readonly signal: AbortSignal;
  /** Asks the server. Rejects with `LOCK_LOST` when this session does not hold the lock. */
  readonly assertHeld: () => Promise<void>;
}

/** Who holds a lock, as the server sees it. */
export interface LockHolder {
  /** Of the server process. */
  readonly pid: number;
  readonly applicationName: string | undefined;
  /** `active`, `idle in transaction`, …: `state` of `pg_stat_activity`. */
  readonly state: string | undefined;
  /** Start of the holder's transaction; of a session without one, when it did something last. */
  readonly since: Date | undefined;
  readonly isShared: boolean;
}

/** Who waits for a lock. */
export interface LockWaiter {
  readonly pid: number;
  readonly applicationName: string | undefined;
  readonly since: Date | undefined;
  readonly isShared: boolean;
}

export interface LockInspection {
  /** As `lockKey` gives it. */
  readonly key: bigint;
  readonly holders: readonly LockHolder[];
  /** The longest wait first. */
  readonly waiters: readonly LockWaiter[];
}

export interface KeyInspection extends LockInspection {
  /**
   * Who has the lease of the key, which is not a lock of the server; undefined when nobody has. Not above 0
   * `remainingMs`: it has expired, and is whoever's comes next.
   */
  readonly lease: LeaseHolder | undefined;
}

/** Counters since creation, gauges of this moment; plain JSON. */
export interface LocksSnapshot {
  readonly acquired: number;
  readonly timedOut: number;
  readonly lost: number;
  readonly committed: number;
  readonly rolledBack: number;
  readonly retried: number;
  readonly ambiguous: number;
  readonly waiting: number;
  readonly held: number;
  readonly leases: LeasesSnapshot;
  /** Undefined without `redis`. */
  readonly twoTier: TwoTierSnapshot | undefined;
}

/** Which holder is meant, so that no other one is ended. */
export interface ForceReleaseGuard {
  /** Of the server process, as `inspect` gives it. */
  readonly pid: number;
  /**
   * How long its transaction must have been open, milliseconds, at least 0; of a session without one, how long it has
   * done nothing, which is never longer than its `keepaliveMs`.
   */
  readonly olderThanMs: number;
}

export type TryOutcome<T> =
  | { readonly acquired: true; readonly value: T }
  | { readonly acquired: false; readonly holders: readonly LockHolder[] };

export interface Locks<Client extends PgClientLike = PgClientLike, Kysely = never> {
  /**
   * Runs `fn` inside the transaction that holds the lock, and commits. One connection; two round trips besides those of
   * `fn`, three when it has to wait. The lock ends with the transaction, so it is safe behind a pooler in transaction mode.
   *
   * With `tx`, a transaction of the caller's, the lock is taken in that one and ends with it; `fn` gets it as it is.
   *
   * @throws {TypeError | RangeError} at once, for a wrong key or option.
   * Rejects with `LOCK_TIMEOUT`, `LOCK_REENTRY`, `LOCK_LOST`, `AMBIGUOUS_COMMIT`, `TRANSACTION_ROLLED_BACK`,
   * `RETRIES_EXHAUSTED`, `POOLER_DETECTED`, `signal.reason`, what `fn` rejects with, or, before the lock is held, the
   * driver's error (57014 when a `statement_timeout` ends the wait); the transaction is rolled back in every case but
   * `AMBIGUOUS_COMMIT`, where nobody can tell.
   */
  withAdvisoryLock<T>(
    key: LockKey,
    fn: (tx: Transaction<Client, Kysely>) => Promise<T>,
    options?: AdvisoryLockOptions | AdvisoryLockInOptions<Transaction<Client, Kysely>>,
  ): Promise<T>;
  /** As `withAdvisoryLock`, for all of the keys or none. They are taken in one order, so that callers never deadlock. */
  withAdvisoryLocks<T>(
    keys: readonly LockKey[],
    fn: (tx: Transaction<Client, Kysely>) => Promise<T>,
    options?: AdvisoryLockOptions | AdvisoryLockInOptions<Transaction<Client, Kysely>>,
  ): Promise<T>;
  /** As `withAdvisoryLock` without a wait: says who holds the lock when it is not free. */
  tryAdvisoryLock<T>(
    key: LockKey,
    fn: (tx: Transaction<Client, Kysely>) => Promise<T>,
    options?:
      | Omit<AdvisoryLockOptions, 'wait'>
      | Omit<AdvisoryLockInOptions<Transaction<Client, Kysely>>, 'wait'>,
  ): Promise<TryOutcome<T>>;
  /**
   * Runs `fn` while a session of its own holds the lock: for long work, which should not keep a transaction open. `fn`
   * must stop when `held.signal` aborts: the lock is then somebody else's.
   *
   * Rejects with `POOLER_DETECTED`, `LOCK_TIMEOUT`, `LOCK_REENTRY`, `LOCK_LOST` (when `fn` has settled), `signal.reason`,
   * or what `fn` rejects with.
   */
  withSessionLock<T>(
    key: LockKey,
    fn: (held: HeldLock<Client>) => Promise<T>,
    options?: SessionLockOptions,
  ): Promise<T>;
  /**
   * Runs `fn` in a transaction and commits; again, the whole of it, when a serialization failure or a deadlock ends it.
   * Inside another transaction of the same locks it is a savepoint of that one, and the outermost alone is tried again.
   *
   * Rejects with `RETRIES_EXHAUSTED`, `TRANSACTION_LOST`, `TRANSACTION_TIMEOUT`, `TRANSACTION_ROLLED_BACK`,
   * `TRANSACTION_NESTED`, `TRANSACTION_TOO_WEAK`, `AMBIGUOUS_COMMIT`, `signal.reason`, or what `fn` or the server says.
   */
  runTransaction<T>(
    fn: (tx: Transaction<Client, Kysely>) => Promise<T>,
    options?: TransactionOptions,
  ): Promise<T>;
  /**
   * Runs `fn` while this process holds the lease of `key`: for work of minutes, and for writes that must be refused when
   * somebody else has taken over. Its table must be there: see `leaseSchema`.
   *
   * @throws {TypeError | RangeError} at once, for a wrong key or option.
   * Rejects with `LOCK_TIMEOUT`, `LOCK_REENTRY`, `LEASE_TABLE_MISSING`, `signal.reason`, the driver's error, or what `fn`
   * rejects with; with `LOCK_LOST`, once `fn` has settled, when the lease was lost before, whatever `fn` made of it.
   */
  withLease<T>(key: LockKey, fn: (lease: Lease) => Promise<T>, options?: LeaseOptions): Promise<T>;
  /** As `withLease`, without the function: the caller releases it. */
  acquireLease(key: LockKey, options?: LeaseOptions): Promise<Lease>;
  /**
   * As `withLease`, behind a key of Redis that keeps contenders away from PostgreSQL.
   *
   * @throws {TypeError} at once, when the locks were created without `redis`.
   * Rejects as `withLease` does, or with `REDIS_UNAVAILABLE` when `redisDown` is `fail`.
   */
  withTwoTierLock<T>(
    key: LockKey,
    fn: (lease: Lease) => Promise<T>,
    options?: TwoTierOptions,
  ): Promise<T>;
  /** Resolves when nothing that was given up runs in the background any more, such as the release of a lease. */
  idle(): Promise<void>;
  /** Who holds the lock, who waits for it, and who has the lease of the key, as the server sees it. Needs PostgreSQL 14. */
  inspect(key: LockKey): Promise<KeyInspection>;
  /**
   * Ends the session `pid` if it holds the lock, and its transaction is `olderThanMs` or more old: its work is rolled
   * back, its lock free. True when it was ended. The role must be that of the session, or one of `pg_signal_backend`.
   */
  forceRelease(key: LockKey, guard: ForceReleaseGuard): Promise<boolean>;
  /**
   * Adds a listener and returns the function that removes it. A listener that throws changes no result.
   *
   * @throws {TypeError} when there is no such event, or the listener is no function.
   */
  on<K extends keyof LocksEvents>(
    event: K,
    listener: (payload: LocksEvents[K]) => void,
  ): () => void;
  snapshot(): LocksSnapshot;
}

export type LocksOf<Pool extends PgPoolLike, Kysely> = Locks<ClientOf<Pool>, Kysely>;
