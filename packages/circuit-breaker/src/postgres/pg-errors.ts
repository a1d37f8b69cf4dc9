import { isHoldfastError } from '@holdfast/internal';
import { socketFailureOf } from '../socket-errors.ts';
import type { Classifier, Judgement } from '../judgement.ts';
import type { ExecutionContext } from '../policy.ts';
import { isUncommitted } from './before-commit.ts';
import { BROKEN, CALLERS_FAULT, meaningOf, NOT_REACHED, type Meaning } from './sql-state-table.ts';
import { sqlStateOf } from './sql-state.ts';

/**
 * Judges errors of PostgreSQL, of its connections and of `pg`; leaves values and all other errors to the next
 * classifier.
 *
 * - Contention (40001, 40P01, 55P03) and idle timeouts say nothing about the health of the server, and are retried: a
 *   serialization failure or a deadlock only as the whole transaction.
 * - Failures before there was a connection are retried; too many connections (53300) or a server that starts up (57P03)
 *   want a long back-off.
 * - A connection that breaks leaves open whether the statement was done (`applied: 'maybe'`): retried only for
 *   idempotent calls, or inside `beforeCommit`. A timeout or a deadline of our own likewise.
 * - 40003 and 08007, "completion unknown", are never retried.
 * - The caller's faults (22xxx, 23xxx, 42xxx, P0xxx) are ignored.
 * - 57014, cancelled, is a failure when a timeout or deadline of ours has aborted the context's signal, else ignored.
 */
export const pgErrors: Classifier = (outcome, context) => {
  if (outcome.ok) return undefined;
  const { error } = outcome;
  // Never by `isUncommitted`: one timeout may cut several transactions, whose errors are then one and the same object.
  if (isOwnTimeout(error)) return judgementOf(BROKEN, error.code, context);
  const known = kindOf(error, context);
  if (known === undefined) return undefined;
  const judgement = judgementOf(known.meaning, known.label, context);
  if (judgement.applied !== 'maybe' || !isUncommitted(error)) return judgement;
  return { ...judgement, applied: 'no' };
};

interface Kind {
  readonly meaning: Meaning;
  readonly label: string;
}

function kindOf(error: unknown, context: ExecutionContext): Kind | undefined {
  const sqlState = sqlStateOf(error);
  if (sqlState !== undefined) {
    const meaning = sqlState === '57014' ? cancelled(context) : meaningOf(sqlState);
    return meaning && { meaning, label: sqlState };
  }
  const failure = socketFailureOf(error);
  if (failure !== undefined) {
    return { meaning: failure.applied === 'no' ? NOT_REACHED : BROKEN, label: failure.code };
  }
  return error instanceof Error ? BY_MESSAGE.get(error.message) : undefined;
}

function cancelled({ signal }: ExecutionContext): Meaning {
  const verdict = signal.aborted && isOwnTimeout(signal.reason) ? 'failure' : 'ignore';
  return { verdict, retry: false, applied: 'no' };
}

function isOwnTimeout(error: unknown): error is { readonly code: string } {
  return isHoldfastError(error, 'TIMEOUT') || isHoldfastError(error, 'DEADLINE_EXCEEDED');
}

function judgementOf(meaning: Meaning, label: string, { attempt }: ExecutionContext): Judgement {
  const { verdict, retry, applied } = meaning;
  return {
    verdict,
    retry: retry === 'once' ? attempt === 1 : retry,
    applied,
    label: `postgres ${label}`,
  };
}

/** What `pg` and `pg-pool` 8 say without a code. */
const BY_MESSAGE: ReadonlyMap<string, Kind> = new Map([
  ['Connection terminated unexpectedly', { meaning: BROKEN, label: 'connection terminated' }],
  ['Connection terminated', { meaning: BROKEN, label: 'connection terminated' }],
  ['Query read timeout', { meaning: BROKEN, label: 'query timeout' }],
  ['timeout exceeded when trying to connect', { meaning: NOT_REACHED, label: 'connect timeout' }],
  [
    'Connection terminated due to connection timeout',
    { meaning: NOT_REACHED, label: 'connect timeout' },
  ],
  ['timeout expired', { meaning: NOT_REACHED, label: 'connect timeout' }],
  [
    'Client has encountered a connection error and is not queryable',
    { meaning: NOT_REACHED, label: 'connection lost' },
  ],
  [
    'Client was closed and is not queryable',
    { meaning: CALLERS_FAULT, label: 'connection closed' },
  ],
  [
    'Cannot use a pool after calling end on the pool',
    { meaning: CALLERS_FAULT, label: 'pool closed' },
  ],
]);
