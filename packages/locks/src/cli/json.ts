import { ageMs } from '@holdfast/cli-kit';
import type { LeaseRow } from '../leases/find-lease.ts';
import type { LockHolder, LockInspection, LockWaiter } from '../locks.ts';
import type { InspectedKey } from './inspect-key.ts';
import type { ListedLocks } from './text.ts';

/** An array of locks. */
export function listJson({ inspections, now }: ListedLocks): string {
  return write(inspections.map((inspection) => lockOf(inspection, now)));
}

/** One lock; `lease` is null when the key never had one, and is missing when there is no table of leases. */
export function inspectionJson({ name, inspection, lease, now }: InspectedKey): string {
  return write({
    name,
    ...lockOf(inspection, now),
    ...(lease === 'no table' ? {} : { lease: lease === 'no row' ? null : leaseOf(lease) }),
  });
}

function lockOf({ key, holders, waiters }: LockInspection, now: Date): object {
  return {
    // 64 bits are more than a number of JSON keeps.
    key: String(key),
    holders: holders.map((holder) => ({
      ...processOf(holder, now),
      state: holder.state ?? null,
    })),
    waiters: waiters.map((waiter) => processOf(waiter, now)),
  };
}

function processOf(
  { pid, applicationName, isShared, since }: LockHolder | LockWaiter,
  now: Date,
): object {
  return {
    ...{ pid, applicationName: applicationName ?? null, isShared },
    since: since?.toISOString() ?? null,
    sinceMs: since === undefined ? null : ageMs(since, now),
  };
}

function leaseOf({ token, holder, sinceMs, expiresInMs }: LeaseRow): object {
  return {
    ...{ token, holder, isHeld: expiresInMs !== null && expiresInMs > 0 },
    sinceMs: Math.round(sinceMs),
    expiresInMs: expiresInMs === null ? null : Math.round(expiresInMs),
  };
}

function write(value: unknown): string {
  return `${JSON.stringify(value)}\n`;
}
