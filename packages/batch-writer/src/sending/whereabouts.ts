import type { BoundClient } from './bound-client.ts';
import { endSession } from './end-session.ts';

/** Where a transaction is to be found again. */
export interface Whereabouts {
  readonly xid: string;
  /** Of the server process. */
  readonly pid: number;
  /** Which run of which server it is: after a crash, or on a standby that has taken over, numbers may be given out again. */
  readonly run: string;
}

/** `pending`: not decided yet. `unknown`: too old, or asked of another run of the server. */
export type Verdict = 'committed' | 'aborted' | 'pending' | 'unknown';

/**
 * The statistics begin anew when the server recovers from a crash, also from one that the postmaster survives, and anybody
 * may read when they did. As numbers: how a time is written depends on the session.
 */
const RUN = `concat_ws('/', extract(epoch FROM pg_postmaster_start_time()),
  (SELECT extract(epoch FROM stats_reset) FROM pg_stat_bgwriter))`;

/** Gives the transaction its number; the columns are those of `Whereabouts`, in order. */
export const SELECT_WHEREABOUTS = `SELECT pg_current_xact_id()::text, pg_backend_pid(), ${RUN}`;

/**
 * "committed", "aborted", "in progress", or null when it is too old (PostgreSQL manual, 9.27.8). A number that was not
 * given out yet is an error there, so one is taken: all that were given out are below it.
 */
const SELECT_STATUS = `
  SELECT CASE WHEN $1::xid8 < pg_current_xact_id() THEN pg_xact_status($1::xid8)
              ELSE 'unborn' END AS status,
         ${RUN} AS run`;

const SELECT_RECOVERY = 'SELECT pg_is_in_recovery() AS "isStandby"';

/**
 * Nobody reads its answers any more. A transaction that waits for a standby is committed already, and is left to wait.
 */
const END_ORPHAN = `
  SELECT pg_terminate_backend(pid) FROM pg_stat_activity
  WHERE pid = $2 AND backend_xid = ($1::xid8)::xid AND wait_event IS DISTINCT FROM 'SyncRep' AND ${RUN} = $3`;

export function toWhereabouts(row: readonly (string | null)[]): Whereabouts {
  const [xid, pid, run] = row;
  return { xid: String(xid), pid: Number(pid), run: String(run) };
}

/** Asks the server what became of a transaction. The second time, its session is ended if it is still there. */
export async function askForVerdict(
  client: BoundClient,
  { xid, pid, run }: Whereabouts,
  attempt: number,
): Promise<Verdict> {
  const standby = await client.query<{ isStandby: boolean }>(SELECT_RECOVERY);
  // It may not have heard of it yet.
  if (standby.rows[0]?.isStandby !== false) return 'pending';
  if (attempt > 1) await endSession(client, END_ORPHAN, [xid, pid, run]);
  const { rows } = await client.query<{ status: string | null; run: string }>(SELECT_STATUS, [xid]);
  const answer = rows[0];
  if (answer === undefined || answer.status === null) return 'unknown';
  // True of another run as well: what had been committed is not forgotten.
  if (answer.status === 'aborted' || answer.status === 'unborn') return 'aborted';
  if (answer.status !== 'committed') return 'pending';
  // In another run it may be somebody else's number.
  return answer.run === run ? 'committed' : 'unknown';
}
