import { randomUUID } from 'node:crypto';
import {
  requireFunction,
  requireObject,
  systemClock,
  systemRandom,
  type Clock,
  type Random,
} from '@holdfast/internal';
import { Holdings } from '../transactions/holdings.ts';
import { acquireLease, type LeaseRequest } from './lease-acquire.ts';
import type { EmitLeaseEvent, Lease, LeaseHooks, LeaseOptions, Leases } from './lease-contract.ts';
import { LeaseReentryError } from './lease-errors.ts';
import type { HeldLease, LeaseParts } from './lease-held.ts';
import { requireHolder, resolveLeaseOptions } from './lease-options.ts';
import { LeaseReturns } from './lease-returns.ts';
import { leaseTableName, type LeaseTable } from './lease-schema.ts';
import { leaseStatements } from './lease-statements.ts';
import { LeaseStore } from './lease-store.ts';
import { LeaseTally } from './lease-tally.ts';
import { describeKey, lockKey, requireNamespace, type LockKey } from '../lock-key.ts';
import type { PgPoolLike } from '../ports.ts';

export interface LeasesOptions extends LeaseTable {
  readonly pool: PgPoolLike;
  /** Keeps the keys of one application apart from those of others in the same table. */
  readonly namespace: string;
  /** Who holds the leases, unless an option of the call says so. Default: a random UUID. */
  readonly holder?: string | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: Random | undefined;
  /** Must not throw. Default: nobody is told. */
  readonly emit?: EmitLeaseEvent | undefined;
}

/**
 * Creates leases over a pool. Nothing has to be closed but the leases themselves; `idle()` waits for what still runs in
 * the background.
 *
 * @throws {TypeError} when an option is wrong.
 */
export function createLeases(leasesOptions: LeasesOptions): Leases {
  const {
    pool,
    clock = systemClock,
    random = systemRandom,
  } = requireObject('options', leasesOptions);
  requireObject('pool', pool);
  requireFunction('pool.connect', (pool as { readonly connect?: unknown }).connect);
  const namespace = requireNamespace(leasesOptions.namespace);
  const defaultHolder = requireHolder(leasesOptions.holder ?? randomUUID());
  const table = leaseTableName(leasesOptions);
  const tally = new LeaseTally(leasesOptions.emit ?? (() => undefined));
  const returns = new LeaseReturns({ clock, random });
  const store = new LeaseStore({ pool, table, statements: leaseStatements(table), clock });
  const parts: LeaseParts = { store, returns, tally, clock, random };
  const holdings = new Holdings<never>();

  const requestOf = (
    of: string,
    key: LockKey,
    options: LeaseOptions,
    hooks?: LeaseHooks,
  ): LeaseRequest => ({
    key: describeKey(namespace, key),
    table,
    options: resolveLeaseOptions(of, options, defaultHolder),
    onRenewed: hooks?.onRenewed,
  });

  const acquire = async (request: LeaseRequest, id: bigint): Promise<HeldLease> => {
    if (holdings.holds(id)) throw new LeaseReentryError(request.key);
    return acquireLease(parts, request);
  };

  const run = async <T>(
    request: LeaseRequest,
    id: bigint,
    fn: (lease: Lease) => Promise<T>,
  ): Promise<T> => {
    const lease = await acquire(request, id);
    try {
      return await within(lease, () =>
        holdings.within({ frame: undefined, keys: new Set([id]) }, () => fn(lease)),
      );
    } finally {
      // After a loss there is nothing to hand over, and perhaps nobody to answer.
      const isLost = lease.lost !== undefined;
      const released = lease[Symbol.asyncDispose]();
      if (isLost) returns.track(released);
      else await released;
    }
  };

  // Not async functions: a wrong argument is thrown at once.
  return {
    withLease(key, fn, options = {}) {
      return run(
        requestOf('withLease', key, options),
        lockKey(namespace, key),
        requireFunction('fn', fn),
      );
    },
    acquireLease(key, options = {}) {
      return acquire(requestOf('acquireLease', key, options), lockKey(namespace, key));
    },
    hold(key, fn, options, hooks) {
      return run(requestOf('withLease', key, options, hooks), lockKey(namespace, key), fn);
    },
    timedOut: (event) => tally.timedOut(event),
    holds: (key) => holdings.holds(lockKey(namespace, key)),
    snapshot: () => tally.snapshot(),
    idle: () => returns.idle(),
  };
}

/** Rejects with the loss when the lease was lost before `fn` had settled, whatever came of it. */
async function within<T>(lease: HeldLease, fn: () => Promise<T>): Promise<T> {
  let value: T;
  try {
    value = await fn();
  } catch (error) {
    const { lost } = lease;
    if (lost === undefined || error === lost) throw error;
    // Both are of interest, and the loss was first.
    if (!(error instanceof Error) || error.cause !== lost) lost.cause ??= error;
    throw lost;
  }
  if (lease.lost !== undefined) throw lease.lost;
  return value;
}
