import type { ResolvedWait } from './options.ts';

/**
 * Opens the transaction and takes the lock in one message of the simple protocol, so in one round trip. It takes no
 * parameters, which is safe: the key is a number of ours and the wait one that was checked.
 *
 * READ COMMITTED by name: at a higher level the snapshot would be taken before the wait, and the function would not see
 * what the previous holder has written (PostgreSQL manual, 13.2.2).
 */
export function acquireStatement(key: bigint, wait: ResolvedWait): string {
  const begin = 'BEGIN ISOLATION LEVEL READ COMMITTED';
  if (wait === 'try') return `${begin}; SELECT pg_try_advisory_xact_lock(${key}) AS acquired`;
  // The function's own statements wait as the session is set up, so its lock_timeout is put back.
  return [
    begin,
    `SELECT set_config('holdfast.lock_timeout', current_setting('lock_timeout'), true),
            set_config('lock_timeout', '${wait}', true)`,
    `SELECT pg_advisory_xact_lock(${key})`,
    `SELECT set_config('lock_timeout', current_setting('holdfast.lock_timeout'), true)`,
  ].join('; ');
}

/** A 64-bit advisory key is split over classid and objid; objsubid is 1 for it (PostgreSQL manual, 53.12 pg_locks). */
export const SELECT_HOLDERS = `
  SELECT l.pid, NULLIF(a.application_name, '') AS "applicationName", a.state, a.xact_start AS since
  FROM pg_locks l
  LEFT JOIN pg_stat_activity a ON a.pid = l.pid
  WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND l.classid = (($1::int8 >> 32) & 4294967295)::oid
    AND l.objid = ($1::int8 & 4294967295)::oid
  ORDER BY a.xact_start`;
