import type { ForceReleaseGuard, LockHolder, LockInspection, LockWaiter } from '../locks.ts';
import type { Queryable } from '../ports.ts';

/**
 * One row for each process that holds an advisory lock, or waits for it, in this database. A 64-bit key is split over
 * classid and objid; objsubid is 1 for it, and `waitstart` is PostgreSQL 14's (manual, 53.12 pg_locks). A session that
 * has no transaction open holds its lock at least since it did something last.
 */
const LOCKS = `
  SELECT (l.classid::int8 << 32 | l.objid::int8)::text AS key, l.pid, l.granted,
         l.mode = 'ShareLock' AS "isShared", l.waitstart AS "waitingSince",
         NULLIF(a.application_name, '') AS "applicationName", a.state,
         coalesce(a.xact_start, a.state_change) AS since
  FROM pg_locks l
  LEFT JOIN pg_stat_activity a ON a.pid = l.pid
  WHERE l.locktype = 'advisory' AND l.objsubid = 1
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())`;

const SELECT_LOCKS = `${LOCKS} ORDER BY key, l.granted DESC, l.waitstart, since`;
const SELECT_LOCKS_OF = `SELECT * FROM (${LOCKS}) locks WHERE key::int8 = ANY ($1::int8[])
  ORDER BY granted DESC, "waitingSince", since`;

/**
 * Ends the session `$2` when it holds `$1` and has done so for `$3` milliseconds; says whether it did. In one statement,
 * so that the process which is ended is the one that was looked at. It waits up to 5 s until the session is gone.
 */
const END_HOLDER = `
  SELECT pg_terminate_backend(pid, 5000) AS ended FROM (${LOCKS}) locks
  WHERE key::int8 = $1::int8 AND granted AND pid = $2 AND pid <> pg_backend_pid()
    AND clock_timestamp() - since >= $3 * interval '1 millisecond'
  LIMIT 1`;

interface LockRow {
  readonly key: string;
  readonly pid: number;
  readonly granted: boolean;
  readonly isShared: boolean;
  readonly waitingSince: Date | null;
  readonly applicationName: string | null;
  readonly state: string | null;
  readonly since: Date | null;
}

export async function selectHolders(
  db: Queryable,
  keys: readonly bigint[],
): Promise<readonly LockHolder[]> {
  const { rows } = await db.query<LockRow>(SELECT_LOCKS_OF, [keys.map(String)]);
  return rows.filter(({ granted }) => granted).map(holderOf);
}

/** Of one key: who holds it, and who waits, in the order of the queue. */
export async function inspectLock(db: Queryable, key: bigint): Promise<LockInspection> {
  const { rows } = await db.query<LockRow>(SELECT_LOCKS_OF, [[String(key)]]);
  return inspectionOf(key, rows);
}

/** All advisory locks with a 64-bit key that somebody holds or waits for in this database. */
export async function listLocks(db: Queryable): Promise<readonly LockInspection[]> {
  const { rows } = await db.query<LockRow>(SELECT_LOCKS);
  return [...new Set(rows.map(({ key }) => key))].map((key) =>
    inspectionOf(
      BigInt(key),
      rows.filter((row) => row.key === key),
    ),
  );
}

/** True: the session held the lock for so long, and has been ended. */
export async function endHolder(
  db: Queryable,
  key: bigint,
  { pid, olderThanMs }: ForceReleaseGuard,
): Promise<boolean> {
  const values = [String(key), pid, olderThanMs];
  const { rows } = await db.query<{ ended: boolean }>(END_HOLDER, values);
  return rows[0]?.ended === true;
}

function inspectionOf(key: bigint, rows: readonly LockRow[]): LockInspection {
  return {
    key,
    holders: rows.filter(({ granted }) => granted).map(holderOf),
    waiters: rows.filter(({ granted }) => !granted).map(waiterOf),
  };
}

function holderOf({ pid, applicationName, state, since, isShared }: LockRow): LockHolder {
  return {
    ...{ pid, isShared },
    applicationName: applicationName ?? undefined,
    state: state ?? undefined,
    since: since ?? undefined,
  };
}

function waiterOf({ pid, applicationName, waitingSince, isShared }: LockRow): LockWaiter {
  return {
    ...{ pid, isShared },
    applicationName: applicationName ?? undefined,
    since: waitingSince ?? undefined,
  };
}
