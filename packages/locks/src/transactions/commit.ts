import { onAbort, throwIfAborted, type Clock, type Timer } from '@holdfast/internal';
import type { Connection } from '../connection.ts';
import type { PgPoolLike } from '../ports.ts';
import {
  resolveCommit,
  SELECT_WHEREABOUTS,
  type Verdict,
  type Whereabouts,
} from './resolve-commit.ts';
import { isInFailedTransaction, isVerdict } from '../sqlstate.ts';
import { AmbiguousCommitError, TransactionRolledBackError } from './transaction-errors.ts';

export interface CommitOptions {
  readonly label: string;
  readonly pool: PgPoolLike;
  readonly clock: Clock;
  readonly ambiguous: 'resolve' | 'throw';
  readonly isReadOnly: boolean;
  readonly signal: AbortSignal | undefined;
  /** What to reject with when nothing was applied because the connection died. */
  readonly lostError: (cause: Error) => Error;
  readonly onAmbiguous: (event: {
    readonly xid: string | undefined;
    readonly verdict: Verdict;
  }) => void;
}

/** So long an answer may take once the caller has aborted: most are on their way, and then nothing is ambiguous. */
const LAST_CHANCE_MS = 500;

/**
 * Commits, or finds out what became of it when the answer is lost, or does not come soon after an abort.
 *
 * Rejects with the server's verdict, with `TRANSACTION_ROLLED_BACK`, `AMBIGUOUS_COMMIT`, or with `lostError`, or the reason
 * of the abort, when it is known that nothing was applied.
 */
export function commit(connection: Connection, options: CommitOptions): Promise<void> {
  const { signal } = options;
  return signal === undefined ? send(connection, options) : sendFor(signal, connection, options);
}

async function sendFor(
  signal: AbortSignal,
  connection: Connection,
  options: CommitOptions,
): Promise<void> {
  let timer: Timer | undefined;
  const off = onAbort(signal, () => {
    timer = options.clock.setTimer(() => connection.end('destroy'), LAST_CHANCE_MS);
  });
  try {
    await send(connection, options);
  } finally {
    off();
    timer?.cancel();
  }
}

async function send(connection: Connection, options: CommitOptions): Promise<void> {
  connection.seal();
  if (connection.lost !== undefined) throw connection.lost;
  const { label, ambiguous, isReadOnly, signal } = options;
  // What only reads has nothing to be found again, and may run where nothing can be asked: on a standby.
  const isLocated = ambiguous === 'resolve' && !isReadOnly;
  const where = isLocated ? await locate(connection, options) : undefined;
  throwIfAborted(signal);
  let answer: unknown;
  try {
    answer = await connection.control('COMMIT');
  } catch (error) {
    if (isVerdict(error) || !(error instanceof Error)) throw error;
    // Before the question, which may need its place in the pool.
    connection.end('destroy');
    await settle(where, error, options);
    return;
  }
  // In a failed transaction COMMIT succeeds with the tag ROLLBACK (PostgreSQL manual, COMMIT).
  if ((answer as { readonly command?: unknown }).command === 'ROLLBACK') {
    throw new TransactionRolledBackError(label, connection.failure);
  }
}

async function locate(
  connection: Connection,
  { label, signal }: CommitOptions,
): Promise<Whereabouts | undefined> {
  try {
    const { rows } = await connection.control<Whereabouts>(SELECT_WHEREABOUTS);
    return rows[0];
  } catch (error) {
    if (isInFailedTransaction(error)) throw new TransactionRolledBackError(label, error.cause);
    throwIfAborted(signal);
    throw error;
  }
}

async function settle(
  where: Whereabouts | undefined,
  cause: Error,
  { label, pool, clock, isReadOnly, signal, lostError, onAmbiguous }: CommitOptions,
): Promise<void> {
  const unasked = isReadOnly ? 'aborted' : 'unknown';
  const verdict = where === undefined ? unasked : await resolveCommit(where, { pool, clock });
  const xid = where?.xid ?? undefined;
  onAmbiguous({ xid, verdict });
  if (verdict === 'committed') return;
  if (verdict === 'aborted') {
    throwIfAborted(signal);
    throw lostError(cause);
  }
  throw new AmbiguousCommitError(label, xid, cause);
}
