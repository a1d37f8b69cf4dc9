import { onAbort, sleep, type Clock } from '@holdfast/internal';
import { Connection } from './connection.ts';
import type { PgPoolLike } from './ports.ts';

/** `unknown`: too old, asked of another server, or not answered in time. */
export type Verdict = 'committed' | 'aborted' | 'unknown';

/** Which server it is, and which run of it. */
interface Server {
  /** Of the write-ahead log: a standby that has taken over has another one, and numbers may mean something else there. */
  readonly timeline: string;
  /** When it was started. A crash may forget numbers that it had given out, and give them out again. */
  readonly startedAt: string;
}

/** Where a transaction is to be found again. */
export interface Whereabouts extends Server {
  /** Null: nothing has been written. */
  readonly xid: string | null;
}

interface Status extends Server {
  readonly status: string | null;
}

/** So long a lost transaction may stay in progress before its orphaned session is ended, and before that is given up. */
const GRACE_MS = 500;
const GIVE_UP_MS = 10_000;
const POLL_MS = 20;

const SERVER = `left(pg_walfile_name(pg_current_wal_lsn()), 8) AS timeline,
         pg_postmaster_start_time()::text AS "startedAt"`;

export const SELECT_WHEREABOUTS = `
  SELECT pg_current_xact_id_if_assigned()::text AS xid, ${SERVER}`;

/** "committed", "aborted", "in progress", or null when it is too old (PostgreSQL manual, 9.27.8). */
const SELECT_STATUS = `SELECT pg_xact_status($1::xid8) AS status, ${SERVER}`;

/** Nobody reads its answers any more. A transaction whose COMMIT has arrived is committed before its session ends. */
const END_ORPHAN = `
  SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_xid = ($1::xid8)::xid`;

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
      const answer = await askOnce(pool, xid, { isOrphan, signal: givenUp.signal });
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
function verdictIn({ status, ...server }: Status, where: Whereabouts): Verdict | undefined {
  if (server.timeline !== where.timeline || status === null) return 'unknown';
  // True of another run as well: what had been committed is not forgotten.
  if (status === 'aborted') return 'aborted';
  if (status !== 'committed') return undefined;
  // In another run it may be somebody else's number.
  return server.startedAt === where.startedAt ? 'committed' : 'unknown';
}

/** Undefined: no answer; the server may be restarting. */
async function askOnce(
  pool: PgPoolLike,
  xid: string,
  { isOrphan, signal }: { readonly isOrphan: boolean; readonly signal: AbortSignal },
): Promise<Status | undefined> {
  let connection: Connection | undefined;
  let off = (): void => undefined;
  try {
    const lostError = (cause: Error): Error => cause;
    const opened = await Connection.open(pool, { label: 'the question', lostError, signal });
    connection = opened;
    off = onAbort(signal, () => opened.end('destroy'));
    if (isOrphan) await opened.query(END_ORPHAN, [xid]);
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
