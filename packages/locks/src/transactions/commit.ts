import type { Clock } from '@holdfast/internal';
import type { Connection } from '../connection.ts';
import type { PgPoolLike } from '../ports.ts';
import {
  resolveCommit,
  SELECT_WHEREABOUTS,
  type Verdict,
  type Whereabouts,
} from './resolve-commit.ts';
import { isVerdict } from '../sqlstate.ts';
import { AmbiguousCommitError, TransactionRolledBackError } from './transaction-errors.ts';

export interface CommitOptions {
  readonly label: string;
  readonly pool: PgPoolLike;
  readonly clock: Clock;
  readonly ambiguous: 'resolve' | 'throw';
  readonly isReadOnly: boolean;
  /** What to reject with when nothing was applied because the connection died. */
  readonly lostError: (cause: Error) => Error;
  readonly onAmbiguous: (event: {
    readonly xid: string | undefined;
    readonly verdict: Verdict;
  }) => void;
}

/**
 * Commits, or finds out what became of it when the answer is lost.
 *
 * Rejects with the server's verdict, with `TRANSACTION_ROLLED_BACK`, `AMBIGUOUS_COMMIT`, or with `lostError` when it is
 * known that nothing was applied.
 */
export async function commit(connection: Connection, options: CommitOptions): Promise<void> {
  const { label, ambiguous, isReadOnly } = options;
  connection.seal();
  if (connection.lost !== undefined) throw connection.lost;
  const { failure } = connection;
  // What only reads has nothing to be found again, and may run where nothing can be asked: on a standby.
  const isLocated = ambiguous === 'resolve' && !isReadOnly && failure === undefined;
  const where = isLocated ? await locate(connection) : undefined;
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
    throw new TransactionRolledBackError(label, failure);
  }
}

async function locate(connection: Connection): Promise<Whereabouts | undefined> {
  const { rows } = await connection.control<Whereabouts>(SELECT_WHEREABOUTS);
  return rows[0];
}

async function settle(
  where: Whereabouts | undefined,
  cause: Error,
  { label, pool, clock, isReadOnly, lostError, onAmbiguous }: CommitOptions,
): Promise<void> {
  const unasked = isReadOnly ? 'aborted' : 'unknown';
  const verdict = where === undefined ? unasked : await resolveCommit(where, { pool, clock });
  const xid = where?.xid ?? undefined;
  onAmbiguous({ xid, verdict });
  if (verdict === 'committed') return;
  if (verdict === 'aborted') throw lostError(cause);
  throw new AmbiguousCommitError(label, xid, cause);
}
