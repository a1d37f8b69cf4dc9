/** The rows of an answer; a result of `pg` has this shape. */
export interface QueryResultLike {
  readonly rows: readonly unknown[];
}

/** A connection that is not a pool's; a `pg.Client` that is not connected yet has this shape. */
export interface PgClientLike {
  connect(): Promise<unknown>;
  query(text: string, values?: unknown[]): Promise<QueryResultLike>;
  end(): Promise<void>;
  on(event: 'error', listener: (error: Error) => void): unknown;
}

/**
 * A transaction of the caller's: its client of `pg`, after BEGIN, or a transaction of Kysely, or one of `@holdfast/locks`.
 */
export type TransactionLike =
  | { query(text: string, values?: unknown[]): Promise<QueryResultLike> }
  | { withoutPlugins(): { executeQuery(query: never): Promise<QueryResultLike> } };
