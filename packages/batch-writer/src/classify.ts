import { isHoldfastError } from '@holdfast/internal';

/**
 * What to do about a failure: `retry` it as it is, look for the bad `row`, take the path that bears a `conflict` of keys, or
 * `halt`, because only a person can help (a missing table, a revoked grant, a wrong password). `ambiguous`: what was sent
 * may have been applied, and nobody can say any more.
 */
export type FailureClass = 'retry' | 'row' | 'conflict' | 'halt' | 'ambiguous';

export interface PgFailure {
  readonly class: FailureClass;
  readonly sqlstate: string | undefined;
  readonly column: string | undefined;
  readonly constraint: string | undefined;
  /** The line of the input of COPY that the server names, from 1. */
  readonly line: number | undefined;
}

/**
 * Classifies whatever an attempt to write has thrown. Failures that the server did not report (a lost connection, a
 * policy of a guard) are retried; an SQLSTATE that is not listed halts, because that keeps the rows.
 * Source of the codes: PostgreSQL manual, appendix A.
 */
export function classifyPgError(error: unknown): PgFailure {
  const sqlstate = sqlstateOf(error);
  const [, line, column] = placeIn(textOf(error, 'where') ?? '') ?? [];
  return {
    class: classOf(error, sqlstate),
    sqlstate,
    column: textOf(error, 'column') ?? column,
    constraint: textOf(error, 'constraint'),
    line: line === undefined ? undefined : Number(line),
  };
}

/**
 * The line, and the column, that COPY names. A trigger or a function may have run a COPY of its own, whose place stands above
 * ours; and the value that may stand behind ours may look like any place. Undefined where these cannot be told apart.
 */
function placeIn(where: string): readonly (string | undefined)[] | undefined {
  const last = /^COPY .*, line (\d+)(?:, column ([^:"\n]+))?$(?!\n)/m.exec(where);
  if (last !== null) return last;
  const [first, ...others] = where.matchAll(/^COPY .*?, line (\d+)(?:, column ([^:"\n]+))?/gm);
  return others.length === 0 ? first : undefined;
}

/**
 * True when the server has said that the statement failed, and goes on: its transaction is not applied then. Behind a FATAL
 * error, or a connection error of whoever stands between, nothing is known: false. Undefined when it has said it in another
 * language (`lc_messages`), which `pg` hands on.
 */
export function isVerdict(error: unknown): boolean | undefined {
  const sqlstate = sqlstateOf(error);
  if (sqlstate === undefined || sqlstate.startsWith('08') || sqlstate.startsWith('57P'))
    return false;
  const severity = textOf(error, 'severity');
  if (severity === 'ERROR') return true;
  return severity === undefined || severity === 'FATAL' || severity === 'PANIC' ? false : undefined;
}

export function sqlstateOf(error: unknown): string | undefined {
  return textOf(error, 'code', SQLSTATE);
}

// With a digit in it, as every SQLSTATE has: EPIPE and EPERM are not.
const SQLSTATE = /^(?=.*\d)[0-9A-Z]{5}$/;

function classOf(error: unknown, sqlstate: string | undefined): FailureClass {
  if (isHoldfastError(error)) return OWN[error.code] ?? 'retry';
  if (sqlstate === undefined) return isMistakeInCode(error) ? 'halt' : 'retry';

  const exact = EXACT[sqlstate];
  if (exact !== undefined) return exact;
  const message = error instanceof Error ? error.message : '';
  // By the function in the server's source, too: the message may be in another language.
  const routine = textOf(error, 'routine');
  // A replaced plan belongs to its connection; a new connection plans again.
  if (sqlstate === '0A000') {
    const isPlan = routine === 'RevalidateCachedQuery' || message.includes('cached plan');
    return isPlan ? 'retry' : 'halt';
  }
  // The one 42501 that a row causes, not the grants.
  const isPolicy =
    routine === 'ExecWithCheckOptions' || message.includes('row-level security policy');
  if (sqlstate === '42501' && isPolicy) return 'row';
  return BY_PREFIX[sqlstate.slice(0, 2)] ?? 'halt';
}

/** Codes of errors of this package that are not just tried again. */
const OWN: Readonly<Record<string, FailureClass>> = {
  AMBIGUOUS_COMMIT: 'ambiguous',
  PART_TOO_SLOW: 'row',
  POOL_CLOSED: 'halt',
  ROWS_UNTOLD: 'row',
  TABLE_MISMATCH: 'halt',
};

const EXACT: Readonly<Record<string, FailureClass>> = {
  '21000': 'row', // two rows of one statement hit one stored row: equal keys that look different here
  '22P04': 'halt', // a malformed COPY frame is a bug of the sender
  '23505': 'conflict', // a key that is there
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
