/** `redact`: what kind of value, and how long. `types`: what kind. `show`: the value itself. */
export type ParameterView = 'redact' | 'types' | 'show';

/** A query that has ended. */
export interface ObservedQuery {
  /** Its text, cut after `maxSqlLength` characters. Values that were written into it by hand are not redacted. */
  readonly sql: string;
  /** Milliseconds from when a connection had it until its answer; without one, from the call until its failure. */
  readonly durationMs: number;
  /** What `parameters` allows to be seen of each: `string(12)`, `number`, `null`. */
  readonly parameters: readonly unknown[];
  /** Where it was called from, as stack traces say it: `loadOrders (file:///app/orders.js:12:20)`; undefined: unknown. */
  readonly caller: string | undefined;
}

/** A query that has failed. Message and `detail` of the `error` are PostgreSQL's own and may quote values. */
export interface FailedQuery extends ObservedQuery {
  readonly error: unknown;
  readonly sqlState: string | undefined;
  /** For 25P02, in_failed_sql_transaction: the query that failed first in that transaction, if it was observed. */
  readonly rootCause: FailedQuery | undefined;
}
