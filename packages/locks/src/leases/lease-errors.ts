import { HoldfastError } from '@holdfast/internal';
import { LockLostError, LockTimeoutError } from '../errors.ts';
import type { LeaseHolder } from './lease-contract.ts';

/** The lease was not free in time. Nothing was done. */
export class LeaseTimeoutError extends LockTimeoutError {
  /** Who held it at the last look; undefined when the server did not say in time. */
  readonly holder: LeaseHolder | undefined;

  constructor(
    key: string,
    waitedMs: number,
    holder: LeaseHolder | undefined,
    options: { readonly cause?: unknown } = {},
  ) {
    super(key, waitedMs, []);
    const by = holder === undefined ? '' : `; it is held by ${holder.holder}`;
    this.message = `lease ${key} was not free after ${Math.round(waitedMs)} ms${by}`;
    if (options.cause !== undefined) this.cause = options.cause;
    this.holder = holder;
    // The stack begins with the message of the moment when it was captured.
    Error.captureStackTrace(this, LeaseTimeoutError);
  }
}

/**
 * - `expired`   it could not be renewed in time, or was not to be
 * - `taken`     the server says that the token is not the newest one, or that the lease has expired
 * - `released`  by its holder
 */
export type LeaseLossReason = 'expired' | 'taken' | 'released';

/** The lease is not held any more: somebody else may hold it. The cause is the last failure to renew it, if any. */
export class LeaseLostError extends LockLostError {
  readonly token: bigint;
  readonly reason: LeaseLossReason;

  constructor(key: string, token: bigint, reason: LeaseLossReason, cause?: unknown) {
    super(key, cause);
    this.message = `lease ${key} (token ${token.toString()}) ${HOW[reason]}`;
    this.token = token;
    this.reason = reason;
    Error.captureStackTrace(this, LeaseLostError);
  }
}

const HOW: Readonly<Record<LeaseLossReason, string>> = {
  expired: 'was lost: it was not renewed in time',
  taken: 'was lost: the server says that it has expired or was taken over',
  released: 'has been released',
};

/**
 * Somebody has taken the lease over since, or the transaction's snapshot is older than the lease: the write is refused, and
 * its transaction must be rolled back.
 */
export class StaleTokenError extends HoldfastError {
  override readonly name = 'StaleTokenError';
  declare readonly code: 'STALE_TOKEN';
  readonly key: string;
  readonly mine: bigint;
  /** The newest token that the transaction sees; undefined when it sees none. */
  readonly current: bigint | undefined;

  constructor(key: string, mine: bigint, current: bigint | undefined) {
    const isNewer = current !== undefined && current > mine;
    const why = isNewer
      ? `is stale: the newest is ${current.toString()}`
      : 'is not there: the snapshot of the transaction is older than the lease, or the row was deleted';
    super('STALE_TOKEN', `token ${mine.toString()} of lease ${key} ${why}`);
    this.key = key;
    this.mine = mine;
    this.current = current;
  }
}

/** A guard outside a transaction would protect nothing: the next statement would run without it. */
export class GuardOutsideTransactionError extends HoldfastError {
  override readonly name = 'GuardOutsideTransactionError';
  declare readonly code: 'GUARD_OUTSIDE_TRANSACTION';
  readonly key: string;

  constructor(key: string, cause: unknown) {
    super(
      'GUARD_OUTSIDE_TRANSACTION',
      `lease ${key} can guard only what is written in a transaction: pass one that is open, or use guardSql()`,
      { cause },
    );
    this.key = key;
  }
}

/** The table of the leases does not exist, or lacks a column. */
export class LeaseTableMissingError extends HoldfastError {
  override readonly name = 'LeaseTableMissingError';
  declare readonly code: 'LEASE_TABLE_MISSING';
  readonly table: string;

  constructor(table: string, cause: unknown) {
    super(
      'LEASE_TABLE_MISSING',
      `there is no table ${table} of leases, or it lacks a column: run the statements of leaseSchema() first`,
      { cause },
    );
    this.table = table;
  }
}

/** The server did not answer in time. Whether it has done what it was asked for is unknown. */
export class LeaseRequestTimeoutError extends HoldfastError {
  override readonly name = 'LeaseRequestTimeoutError';
  declare readonly code: 'LEASE_REQUEST_TIMEOUT';
  readonly key: string;
  readonly timeoutMs: number;

  constructor(key: string, timeoutMs: number) {
    super(
      'LEASE_REQUEST_TIMEOUT',
      `PostgreSQL did not answer for lease ${key} within ${Math.round(timeoutMs)} ms`,
    );
    this.key = key;
    this.timeoutMs = timeoutMs;
  }
}

/** This call holds the lease already: to wait for it would be to wait for itself. */
export class LeaseReentryError extends HoldfastError {
  override readonly name = 'LeaseReentryError';
  declare readonly code: 'LOCK_REENTRY';
  readonly key: string;

  constructor(key: string) {
    super('LOCK_REENTRY', `lease ${key} is held by this call already: pass the lease on instead`);
    this.key = key;
  }
}
