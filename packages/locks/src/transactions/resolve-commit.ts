import { onAbort, sleep, type Clock } from '@holdfast/internal';
import { Connection } from '../connection.ts';
import type { PgPoolLike } from '../ports.ts';

/** `unknown`: too old, asked of another server, or not answered in time. */
export type Verdict = 'committed' | 'aborted' | 'unknown';

/** Where a transaction is to be found again. */
export interface Whereabouts {
  /** Null: nothing has been written. */
  readonly xid: string | null;
  /** Of the server process. */
  readonly pid: number;
  /**
   * Which run of which server it is. After a crash, or on a standby that has taken over, numbers that had been given out
   * may be given out again.
   */
  readonly run: string;
}

interface Status {
  readonly status: string | null;
  readonly run: string;
  readonly isStandby: boolean;
}

/** So long a lost transaction may stay in progress before its orphaned session is ended, and before that is given up. */
const GRACE_MS = 500;
const GIVE_UP_MS = 10_000;
const POLL_MS = 20;

/**
 * The statistics begin anew when the server recovers from a crash, also from one that the postmaster survives, and anybody
 * may read when they did. As numbers: how a time is written depends on the session.
 */
const RUN = `concat_ws('/', extract(epoch FROM pg_postmaster_start_time()),
         (SELECT extract(epoch FROM stats_reset) FROM pg_stat_bgwriter))`;

export const SELECT_WHEREABOUTS = `
  SELECT pg_current_xact_id_if_assigned()::text AS xid, pg_backend_pid() AS pid, ${RUN} AS run`;

/**
 * "committed", "aborted", "in progress", or null when it is too old (PostgreSQL manual, 9.27.8). A number that was not
 * given out yet is an error there, so one is taken: all that were given out are below it.
 */
const SELECT_STATUS = `
  SELECT CASE WHEN $1::xid8 < pg_current_xact_id() THEN pg_xact_status($1::xid8)
              ELSE 'unborn' END AS status,
         ${RUN} AS run, pg_is_in_recovery() AS "isStandby"`;

/**
 * Nobody reads its answers any more. A transaction whose COMMIT has arrived is committed before its session ends; one that
 * waits for a standby to have it is left to wait.
 */
const END_ORPHAN = `
  SELECT pg_terminate_backend(pid) FROM pg_stat_activity
  WHERE pid = $2 AND backend_xid = ($1::xid8)::xid AND wait_event IS DISTINCT FROM 'SyncRep' AND ${RUN} = $3`;

/** Asks the server, on other connections, what became of a transaction whose answer to COMMIT was lost. Never rejects. */
export async function resolveCommit(
  where: Whereabouts,
  { pool, clock }: { readonly pool: PgPoolLike; readonly clock: Clock },
): Promise<Verdict> {
  const { xid } = where;
  // Nothing was written, so nothing can be applied.
  if (xid === null) return 'aborted';
  const givenUp = new AbortController();
  const startedMs = clock.now();
  const timer = clock.setTimer(() => givenUp.abort(), GIVE_UP_MS);
  try {
    for (;;) {
      const isOrphan = clock.now() - startedMs > GRACE_MS;
      const answer = await askOnce(pool, where, { isOrphan, signal: givenUp.signal });
      const verdict = answer === undefined ? undefined : verdictIn(answer, where);
      if (verdict !== undefined) return verdict;
      await sleep(POLL_MS, { clock, signal: givenUp.signal });
    }
  } catch {
    // Given up: nothing else rejects.
    return 'unknown';
  } finally {
    timer.cancel();
  }
}

/** Undefined: not decided yet. */
function verdictIn({ status, run, isStandby }: Status, where: Whereabouts): Verdict | undefined {
  // It may not have heard of it yet.
  if (isStandby) return undefined;
  if (status === null) return 'unknown';
  // True of another run as well: what had been committed is not forgotten.
  if (status === 'aborted' || status === 'unborn') return 'aborted';
  if (status !== 'committed') return undefined;
  // In another run it may be somebody else's number.
  return run === where.run ? 'committed' : 'unknown';
}

/** Undefined: no answer; the server may be restarting. */
async function askOnce(
  pool: PgPoolLike,
  { xid, pid, run }: Whereabouts,
  { isOrphan, signal }: { readonly isOrphan: boolean; readonly signal: AbortSignal },
): Promise<Status | undefined> {
  let connection: Connection | undefined;
  let off = (): void => undefined;
  try {
    const lostError = (cause: Error): Error => cause;
    const opened = await Connection.open(pool, { label: 'the question', lostError, signal });
    connection = opened;
    off = onAbort(signal, () => opened.end('destroy'));
    if (isOrphan) await opened.query(END_ORPHAN, [xid, pid, run]);
    const { rows } = await opened.query<Status>(SELECT_STATUS, [xid]);
    opened.end('reusable');
    return rows[0];
  } catch {
    // Whatever it is, it is asked again until it is given up.
    connection?.end('destroy');
    return undefined;
  } finally {
    off();
  }
}
