import type { OptionNames } from '@holdfast/internal';
import type { LeaseEvents } from './leases/lease-contract.ts';
import type { LockHolder } from './locks.ts';
import type { TwoTierEvents } from './two-tier/two-tier-contract.ts';

export interface LocksEvents extends LeaseEvents, TwoTierEvents {
  readonly acquired: { readonly key: string; readonly waitedMs: number };
  /** The lock is free again, whichever way. */
  readonly released: { readonly key: string; readonly heldMs: number };
  readonly timeout: {
    readonly key: string;
    readonly waitedMs: number;
    readonly holders: readonly LockHolder[];
  };
  /** The connection died while the function ran. */
  readonly lost: { readonly key: string; readonly error: Error };
  /** The function failed, and so did the ROLLBACK after it: the connection was destroyed, which releases the lock. */
  readonly rollbackFailed: { readonly label: string; readonly error: unknown };
  /** A transaction failed in a way that is worth another try, which begins in `delayMs`. */
  readonly retry: {
    readonly label: string;
    readonly attempt: number;
    readonly delayMs: number;
    readonly error: unknown;
  };
  /** The answer to a COMMIT was lost; what the server says became of it. */
  readonly ambiguous: {
    readonly label: string;
    readonly xid: string | undefined;
    readonly verdict: 'committed' | 'aborted' | 'unknown';
  };
  /** A hook of `afterCommit` or `afterRollback` failed. The transaction is as it is. */
  readonly hookFailed: { readonly label: string; readonly error: unknown };
}

export const LOCKS_EVENTS: OptionNames<LocksEvents> = {
  ...{ acquired: true, released: true, timeout: true, lost: true, rollbackFailed: true },
  ...{ retry: true, ambiguous: true, hookFailed: true, redisDown: true },
  ...{ leaseAcquired: true, leaseTimeout: true, leaseRenewed: true, leaseRenewalFailed: true },
  ...{ leaseLost: true, leaseReleased: true, leaseReleaseFailed: true },
};
