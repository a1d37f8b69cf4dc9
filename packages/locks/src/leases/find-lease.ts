import type { Queryable } from '../ports.ts';
import type { LeaseHolder } from './lease-contract.ts';
import { leaseTableName, type LeaseTable } from './lease-schema.ts';

export interface LeaseRow {
  /** The fencing token: decimal text of 64 bits. */
  readonly token: string;
  readonly holder: string;
  /** When it was acquired, milliseconds since 1970. */
  readonly acquiredAtMs: number;
  /** Since it was acquired, milliseconds. */
  readonly sinceMs: number;
  /** Negative when it has expired; null when it was released. */
  readonly expiresInMs: number | null;
}

/** `no row`: nobody has ever held a lease of the key. */
export type FoundLease = 'no table' | 'no row' | LeaseRow;

/** Who has the lease of a key, or had it last. */
export async function findLease(
  db: Queryable,
  leaseTable: LeaseTable,
  key: string,
): Promise<FoundLease> {
  const table = leaseTableName(leaseTable);
  // Null when there is none, unlike a cast to regclass, which fails (PostgreSQL manual, 9.27.4).
  const known = await db.query<{ isThere: boolean }>(
    'SELECT to_regclass($1) IS NOT NULL AS "isThere"',
    [table],
  );
  if (known.rows[0]?.isThere !== true) return 'no table';
  // A release sets -infinity, of which no interval can be made before PostgreSQL 17.
  const { rows } = await db.query<LeaseRow>(
    `SELECT token::text AS token, holder, (extract(epoch from acquired_at) * 1000)::float8 AS "acquiredAtMs",
       (extract(epoch from clock_timestamp() - acquired_at) * 1000)::float8 AS "sinceMs",
       CASE WHEN isfinite(expires_at)
         THEN (extract(epoch from expires_at - clock_timestamp()) * 1000)::float8
       END AS "expiresInMs"
     FROM ${table} WHERE key = $1`,
    [key],
  );
  return rows[0] ?? 'no row';
}

/** Undefined when nobody has it: it was released, or never held. */
export function leaseHolderOf(found: FoundLease): LeaseHolder | undefined {
  if (found === 'no table' || found === 'no row' || found.expiresInMs === null) return undefined;
  const { token, holder, acquiredAtMs, expiresInMs } = found;
  return {
    holder,
    token: BigInt(token),
    since: new Date(acquiredAtMs),
    remainingMs: expiresInMs,
  };
}
