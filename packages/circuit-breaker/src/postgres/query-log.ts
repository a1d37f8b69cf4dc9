import { createListeners } from '@holdfast/internal';
import { callerIn, captureStack, type CapturedStack } from './caller.ts';
import { describeParameter } from './describe-parameter.ts';
import type { ResolvedObserveQueriesOptions } from './observe-options.ts';
import type { FailedQuery, ObservedQuery } from './query-events.ts';
import { sqlStateOf } from './sql-state.ts';

/** A connection to the server, as far as its queries are observed. */
export interface Session {
  /** The query that failed first since the last success: in a failed transaction only its end succeeds. */
  firstFailure: FailedQuery | undefined;
}

/** A query on its way. */
export interface RunningQuery {
  readonly args: readonly unknown[];
  readonly stack: CapturedStack | undefined;
  startedMs: number;
  /** Undefined until a connection has the query. */
  session: Session | undefined;
}

interface Events {
  readonly slow: ObservedQuery;
  readonly error: FailedQuery;
}

/** Tells the listeners about queries that were slow or failed. */
export class QueryLog {
  readonly #options: ResolvedObserveQueriesOptions;
  readonly #listeners = createListeners<Events>({ slow: true, error: true });
  #isStopped = false;

  constructor(options: ResolvedObserveQueriesOptions) {
    this.#options = options;
    if (options.onSlow !== undefined) this.#listeners.on('slow', options.onSlow);
    if (options.onError !== undefined) this.#listeners.on('error', options.onError);
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** Nothing more is told, not even about queries that are on their way. */
  stop(): void {
    this.#isStopped = true;
  }

  /** `callee` is the function that the program has called: the caller is above it. */
  begin(args: readonly unknown[], callee: object, session?: Session): RunningQuery {
    const { capturesAtCall, clock } = this.#options;
    const stack = capturesAtCall ? captureStack(callee) : undefined;
    return { args, stack, startedMs: clock.now(), session };
  }

  /** A connection has the query. */
  reach(query: RunningQuery, session: Session): void {
    query.session = session;
    query.startedMs = this.#options.clock.now();
  }

  succeed(query: RunningQuery, callee: object): void {
    const { session } = query;
    if (session !== undefined) session.firstFailure = undefined;
    if (this.#isStopped || this.#options.onSlow === undefined) return;
    const durationMs = this.#options.clock.now() - query.startedMs;
    if (durationMs < this.#options.slowMs) return;
    this.#listeners.emit('slow', this.#describe(query, durationMs, callee));
  }

  fail(query: RunningQuery, error: unknown, callee: object): void {
    if (this.#isStopped || this.#options.onError === undefined) return;
    const { session } = query;
    const durationMs = this.#options.clock.now() - query.startedMs;
    const sqlState = sqlStateOf(error);
    const isConsequence = sqlState === IN_FAILED_TRANSACTION;
    const failed: FailedQuery = {
      ...this.#describe(query, durationMs, callee),
      error,
      sqlState,
      rootCause: isConsequence ? session?.firstFailure : undefined,
    };
    if (session !== undefined && !isConsequence) remember(session, failed, sqlOf(query.args));
    this.#listeners.emit('error', failed);
  }

  #describe({ args, stack }: RunningQuery, durationMs: number, callee: object): ObservedQuery {
    const { maxSqlLength, parameters } = this.#options;
    const sql = sqlOf(args);
    return {
      sql: sql.length > maxSqlLength ? `${sql.slice(0, maxSqlLength)}…` : sql,
      durationMs,
      parameters: valuesOf(args).map((value) => describeParameter(value, parameters)),
      caller: callerIn(stack ?? captureStack(callee)),
    };
  }
}

const IN_FAILED_TRANSACTION = '25P02';

/**
 * The first failure stays: a syntax error later in the same transaction is reported as itself. Unless one text both
 * began a transaction and failed in it: the failure before it was of no transaction.
 */
function remember(session: Session, failed: FailedQuery, sql: string): void {
  if (session.firstFailure === undefined || /\b(?:begin|start\s+transaction)\b/i.test(sql)) {
    session.firstFailure = failed;
  }
}

/** The forms are those of `pg`: a text, or an object with a `text` or the `name` of a prepared statement. */
function sqlOf([query]: readonly unknown[]): string {
  if (typeof query === 'string') return query;
  const { text, name } = query as { readonly text?: unknown; readonly name?: unknown };
  if (typeof text === 'string') return text;
  return typeof name === 'string' ? `prepared statement ${name}` : '';
}

function valuesOf([query, given]: readonly unknown[]): readonly unknown[] {
  if (Array.isArray(given)) return given;
  const values: unknown =
    typeof query === 'object' && query !== null && 'values' in query ? query.values : undefined;
  return Array.isArray(values) ? values : [];
}
