import { inspectLock } from '../advisory/holders.ts';
import { findLease, type FoundLease } from '../leases/find-lease.ts';
import type { LeaseTable } from '../leases/lease-schema.ts';
import type { LockInspection } from '../locks.ts';
import type { Queryable } from '../ports.ts';
import { serverNow } from './server-now.ts';

export interface InspectRequest {
  readonly key: bigint;
  /** As `describeKey` gives it: leases are found by it. */
  readonly name: string;
  readonly table: LeaseTable;
  /** Somebody expects that it is there. */
  readonly isTableNamed: boolean;
}

export interface InspectedKey {
  readonly name: string;
  readonly inspection: LockInspection;
  readonly lease: FoundLease;
  readonly now: Date;
}

/** What the server knows of one key. */
export async function inspectKey(
  db: Queryable,
  { key, name, table }: InspectRequest,
): Promise<InspectedKey> {
  const inspection = await inspectLock(db, key);
  const lease = await findLease(db, table, name);
  return { name, inspection, lease, now: await serverNow(db) };
}
