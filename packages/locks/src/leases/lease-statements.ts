/** The statements of leases over one table. Times are the server's; `clock_timestamp()`, because `now()` stands still. */
export interface LeaseStatements {
  /** $1 key, $2 holder, $3 attempt, $4 milliseconds. One row `LeaseAnswer`, or none when the key has no row yet. */
  readonly acquire: string;
  /** As `acquire`, for a key without a row. No row when somebody else was faster. */
  readonly insert: string;
  /** $1 key, $2 token, $3 milliseconds. One row, or none when the lease is lost. */
  readonly renew: string;
  /** $1 key, $2 token. One row, or none when somebody else has taken it over. */
  readonly release: string;
  /** $1 key, $2 attempt: of an acquire whose answer was lost. */
  readonly releaseAttempt: string;
}

/** `isMine`: the lease is the caller's, else it is what is told of its holder. */
export interface LeaseAnswer {
  readonly isMine: boolean;
  readonly token: string;
  readonly holder: string;
  readonly sinceMs: number;
  readonly remainingMs: number;
}

export function leaseStatements(table: string): LeaseStatements {
  return {
    // FOR UPDATE, because the UPDATE alone would take FOR NO KEY UPDATE, which passes by a guard's FOR KEY SHARE: the
    // token could move between the check and the commit (manual, 13.3.2). SKIP LOCKED, because a wait for the writer
    // would hold a connection.
    acquire: `WITH ${FREE} AS (
  SELECT key FROM ${table} WHERE key = $1 AND expires_at <= clock_timestamp() FOR UPDATE SKIP LOCKED
), ${TAKEN} AS (
  UPDATE ${table} AS lease
  SET token = lease.token + 1, holder = $2, attempt = $3::uuid, ${START}
  FROM ${FREE} WHERE lease.key = ${FREE}.key
  RETURNING lease.token
)
SELECT true AS "isMine", token::text AS token, '' AS holder, 0::float8 AS "sinceMs", 0::float8 AS "remainingMs"
FROM ${TAKEN}
UNION ALL
SELECT false, token::text, holder, ${msOf('acquired_at')}, ${msOf("greatest(expires_at, 'epoch') - clock_timestamp()")}
FROM ${table} WHERE key = $1 AND NOT EXISTS (SELECT 1 FROM ${TAKEN})`,
    insert: `INSERT INTO ${table} (key, token, holder, attempt, acquired_at, expires_at)
VALUES ($1, 1, $2, $3::uuid, clock_timestamp(), clock_timestamp() + $4::float8 * interval '1 millisecond')
ON CONFLICT (key) DO NOTHING RETURNING token::text AS token`,
    // Never one that has expired: it may be an old request, which a release has overtaken.
    renew: `UPDATE ${table} SET expires_at = clock_timestamp() + $3::float8 * interval '1 millisecond'
WHERE key = $1 AND token = $2::bigint AND expires_at > clock_timestamp() RETURNING 1 AS renewed`,
    release: `UPDATE ${table} SET expires_at = '-infinity'
WHERE key = $1 AND token = $2::bigint RETURNING 1 AS released`,
    releaseAttempt: `UPDATE ${table} SET expires_at = '-infinity'
WHERE key = $1 AND attempt = $2::uuid RETURNING 1 AS released`,
  };
}

// Spaces in their names: no table is called so, which they would hide.
const FREE = '"holdfast free"';
const TAKEN = '"holdfast taken"';
const START = `acquired_at = clock_timestamp(), expires_at = clock_timestamp() + $4::float8 * interval '1 millisecond'`;

function msOf(value: string): string {
  return `(extract(epoch from ${value}) * 1000)::float8`;
}
