import { isHoldfastError } from '@holdfast/internal';

/**
 * What to do about a failure: `retry` it as it is, look for the bad `row`, or `halt`, because only a person can help
 * (a missing table, a revoked grant, a wrong password).
 */
export type FailureClass = 'retry' | 'row' | 'halt';

export interface PgFailure {
  readonly class: FailureClass;
  readonly sqlstate: string | undefined;
  readonly column: string | undefined;
  readonly constraint: string | undefined;
}

/**
 * Classifies whatever an attempt to write has thrown. Failures that the server did not report (a lost connection, a
 * policy of a guard) are retried; an SQLSTATE that is not listed halts, because that keeps the rows.
 * Source of the codes: PostgreSQL manual, appendix A.
 */
export function classifyPgError(error: unknown): PgFailure {
  const sqlstate = textOf(error, 'code', SQLSTATE);
  return {
    class: classOf(error, sqlstate),
    sqlstate,
    column: textOf(error, 'column'),
    constraint: textOf(error, 'constraint'),
  };
}

// With a digit in it, as every SQLSTATE has: EPIPE and EPERM are not.
const SQLSTATE = /^(?=.*\d)[0-9A-Z]{5}$/;

function classOf(error: unknown, sqlstate: string | undefined): FailureClass {
  if (isHoldfastError(error)) return 'retry';
  if (sqlstate === undefined) return isMistakeInCode(error) ? 'halt' : 'retry';

  const exact = EXACT[sqlstate];
  if (exact !== undefined) return exact;
  const message = error instanceof Error ? error.message : '';
  // A replaced plan belongs to its connection; a new connection plans again.
  if (sqlstate === '0A000') return message.includes('cached plan') ? 'retry' : 'halt';
  // The one 42501 that a row causes, not the grants.
  if (sqlstate === '42501' && message.includes('row-level security policy')) return 'row';
  return BY_PREFIX[sqlstate.slice(0, 2)] ?? 'halt';
}

const EXACT: Readonly<Record<string, FailureClass>> = {
  '21000': 'row', // two rows of one statement hit one stored row: equal keys that look different here
  '22P04': 'halt', // a malformed COPY frame is a bug of the sender
  '26000': 'retry', // a prepared statement that a connection pooler does not know
  '44000': 'row', // WITH CHECK OPTION of a view
  '55P03': 'retry', // lock_timeout
  '55006': 'retry', // object in use
  '57P04': 'halt', // database dropped
};

const BY_PREFIX: Readonly<Record<string, FailureClass>> = {
  '08': 'retry', // connection
  '22': 'row', // data
  '23': 'row', // constraints
  '25': 'retry', // transaction state; 25006, read only, is seen during a failover
  '40': 'retry', // serialization failure, deadlock
  '53': 'retry', // resources
  '54': 'row', // program limits, for example an index entry that is too large
  '57': 'retry', // operator intervention: shutdown, statement timeout, cancel
  '58': 'retry', // system errors outside PostgreSQL
  P0: 'row', // raised by a trigger
};

function isMistakeInCode(error: unknown): boolean {
  return (
    error instanceof TypeError ||
    error instanceof RangeError ||
    error instanceof ReferenceError ||
    error instanceof SyntaxError
  );
}

function textOf(error: unknown, property: string, pattern?: RegExp): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  const value = (error as Record<string, unknown>)[property];
  if (typeof value !== 'string') return undefined;
  return pattern === undefined || pattern.test(value) ? value : undefined;
}
