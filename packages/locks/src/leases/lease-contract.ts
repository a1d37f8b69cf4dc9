import type { LockKey } from '../lock-key.ts';
import type { RowLockTransaction } from '../rows/row-lock-transaction.ts';

export interface LeaseOptions {
  /**
   * How long the lease lasts on the server without a renewal, milliseconds, from 100 to 2^31 - 1. So long a key stays
   * taken after its holder has died. Default 30 000.
   */
  readonly ttlMs?: number | undefined;
  /**
   * How long to wait while somebody else holds it: `forever`, not at all (`try`), or milliseconds from 1 to 2^31 - 1.
   * Default 30 000. A request that is under way when the wait ends is waited for, at most `requestTimeoutMs`.
   */
  readonly wait?: 'forever' | 'try' | number | undefined;
  /** False: only `lease.renew()` renews it. Default true: every third of `ttlMs`. */
  readonly renew?: boolean | undefined;
  /**
   * After so long it is not renewed by itself any more, milliseconds: the lease ends within `ttlMs` after it. Default: no
   * end. `lease.renew()` renews it all the same.
   */
  readonly maxHoldMs?: number | undefined;
  /** Who holds it, for people to read. Default: that of the leases, or a random UUID. */
  readonly holder?: string | undefined;
  /**
   * Longest wait for one answer, with the wait for a connection of the pool, milliseconds. Default: a third of `ttlMs`,
   * at most 5 000.
   */
  readonly requestTimeoutMs?: number | undefined;
  /** Ends the wait at once. While the lease is held it aborts `lease.signal`; the lease is kept until it is released. */
  readonly signal?: AbortSignal | undefined;
}

/** Who holds a lease, as the server sees it. */
export interface LeaseHolder {
  readonly holder: string;
  /** Undefined when it was Redis that said who. */
  readonly token: bigint | undefined;
  /** Undefined when it was Redis that said who. */
  readonly since: Date | undefined;
  /** By the server's clock; not above 0 when it has expired, and nobody can take it over before a guarded write ends. */
  readonly remainingMs: number;
}

/** A lease that was acquired. Whether it is held still is a matter of time: see `assertHeld`. Its methods may be taken apart. */
export interface Lease {
  /** As `describeKey` names it. */
  readonly key: string;
  /** The fencing token: greater than that of every lease of the key before. */
  readonly token: bigint;
  readonly holder: string;
  /** Aborts with `LOCK_LOST` when the lease is lost, or with the reason of the caller's signal. */
  readonly signal: AbortSignal;
  /** For how long the holder may still trust in the lease, milliseconds, by its monotonic clock; 0 when it is lost. */
  readonly remainingMs: () => number;
  /**
   * Throws `LOCK_LOST` unless the lease is held. It looks at the clock, so it is true also when the process was frozen and
   * no timer has run since.
   */
  readonly assertHeld: () => void;
  /** Renews it now, or waits for the renewal that is under way. Rejects with `LOCK_LOST`, or when it failed this time. */
  readonly renew: () => Promise<void>;
  /**
   * Resolves when the token is the newest one, and will be until the transaction ends: what is written in it then cannot
   * be a stale write. Nobody can take the lease over in the meantime; renewals go on.
   *
   * Rejects with `STALE_TOKEN`, with `LOCK_LOST`, with `GUARD_OUTSIDE_TRANSACTION` when `tx` is in no transaction, or, above
   * READ COMMITTED, with 40001 when the lease was taken over after the transaction's snapshot. The transaction must then
   * be rolled back. Rejects with a `TypeError` inside a savepoint of `tx`, with which the guard could be undone: give the
   * transaction of the savepoint. A savepoint that the caller sets by himself must not be rolled back to behind the guard.
   */
  readonly guard: (tx: LeaseTransaction) => Promise<void>;
  /**
   * The same as a condition in SQL, for writers in any language: put it into the WHERE of an UPDATE or DELETE, or of the
   * SELECT of an INSERT. When no row was written, the token is stale (or the rest of the condition was false).
   */
  readonly guardSql: () => string;
  /**
   * Ends the lease. True when the token was still the newest one. Rejects when the server cannot be asked; it is then
   * asked again for a while, and else the lease ends by itself. A second call has the answer of the first.
   */
  readonly release: () => Promise<boolean>;
  /** As `release`, and never rejects. */
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * The transaction of a guarded write: `tx` of `runTransaction` itself, not its `pg` or `kysely()`, a client of `pg`, or a
 * transaction of Kysely.
 */
export type LeaseTransaction = RowLockTransaction;

export interface LeaseEvents {
  readonly leaseAcquired: {
    readonly key: string;
    readonly token: bigint;
    readonly waitedMs: number;
  };
  readonly leaseTimeout: {
    readonly key: string;
    readonly waitedMs: number;
    readonly holder: LeaseHolder | undefined;
  };
  readonly leaseRenewed: { readonly key: string; readonly token: bigint };
  /** It is tried again while the lease can be trusted. */
  readonly leaseRenewalFailed: {
    readonly key: string;
    readonly token: bigint;
    readonly error: unknown;
  };
  readonly leaseLost: { readonly key: string; readonly token: bigint; readonly error: Error };
  readonly leaseReleased: {
    readonly key: string;
    readonly token: bigint;
    readonly heldMs: number;
    /** False: somebody else had taken it over. */
    readonly wasHeld: boolean;
  };
  /** It is tried again for a while; else the lease ends by itself, `ttlMs` after the last renewal. */
  readonly leaseReleaseFailed: {
    readonly key: string;
    readonly token: bigint | undefined;
    readonly error: unknown;
  };
}

/** Tells one event. */
export type EmitLeaseEvent = <K extends keyof LeaseEvents>(
  event: K,
  payload: LeaseEvents[K],
) => void;

/** Counters since creation, gauges of this moment; plain JSON. */
export interface LeasesSnapshot {
  readonly acquired: number;
  readonly timedOut: number;
  readonly renewed: number;
  readonly renewalsFailed: number;
  readonly lost: number;
  readonly released: number;
  readonly releasesFailed: number;
  readonly waiting: number;
  readonly held: number;
}

/** What is told to whoever holds something else for as long as the lease. */
export interface LeaseHooks {
  readonly onRenewed?: (() => void) | undefined;
}

export interface Leases {
  /**
   * Runs `fn` while this process holds the lease of `key`, and releases it. READ COMMITTED, in autocommit, each statement
   * on a connection of the pool of its own: safe behind PgBouncer in transaction mode.
   *
   * @throws {TypeError | RangeError} at once, for a wrong key or option.
   * Rejects with `LOCK_TIMEOUT`, `LOCK_REENTRY`, `LEASE_TABLE_MISSING`, `signal.reason`, the driver's error, or what `fn`
   * rejects with; with `LOCK_LOST`, once `fn` has settled, when the lease was lost before, whatever `fn` made of it.
   */
  withLease<T>(key: LockKey, fn: (lease: Lease) => Promise<T>, options?: LeaseOptions): Promise<T>;
  /** As `withLease`, without the function: the caller releases it. */
  acquireLease(key: LockKey, options?: LeaseOptions): Promise<Lease>;
  /** For what wraps a lease: as `withLease`, and tells the hooks. */
  hold<T>(
    key: LockKey,
    fn: (lease: Lease) => Promise<T>,
    options: LeaseOptions,
    hooks: LeaseHooks,
  ): Promise<T>;
  /** For what wraps a lease: counts and tells a wait that ended before the lease was asked for. */
  timedOut(event: LeaseEvents['leaseTimeout']): void;
  /** True inside of `withLease` of this key, where it would wait for itself. */
  holds(key: LockKey): boolean;
  snapshot(): LeasesSnapshot;
  /** Resolves when nothing of what was given up runs in the background any more. Never rejects. */
  idle(): Promise<void>;
}
