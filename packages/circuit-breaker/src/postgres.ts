export { beforeCommit } from './postgres/before-commit.ts';
export {
  guardPg,
  type GuardPgOptions,
  type QueryablePool,
  type QueryPolicy,
} from './postgres/guard-pg.ts';
export type { ObserveQueriesOptions } from './postgres/observe-options.ts';
export { observeQueries, type ObservablePool } from './postgres/observe-queries.ts';
export { pgErrors } from './postgres/pg-errors.ts';
export type { FailedQuery, ObservedQuery, ParameterView } from './postgres/query-events.ts';
export { retryOnDatabaseError } from './postgres/retry-on-database-error.ts';
