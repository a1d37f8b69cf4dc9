/** The rows of an answer; a result of `pg` has this shape. */
export interface QueryResultLike {
  readonly rows: readonly unknown[];
}

/** What the store needs of a connection; a client of `pg` has this shape. */
export interface PgClientLike {
  query(text: string, values?: unknown[]): Promise<QueryResultLike>;
  release(error?: Error | boolean): void;
  on(event: 'error', listener: (error: Error) => void): unknown;
  on(event: 'notification', listener: (message: NotificationLike) => void): unknown;
  on(event: 'end', listener: () => void): unknown;
  removeListener(event: 'error', listener: (error: Error) => void): unknown;
}

export interface NotificationLike {
  readonly channel: string;
  readonly payload?: string | undefined;
}

/** What the store needs of a pool; `pg.Pool` has this shape. */
export interface PgPoolLike {
  connect(): Promise<PgClientLike>;
  readonly options?: { readonly max?: number | undefined } | undefined;
}

/** A transaction of the caller's: its client of `pg`, after BEGIN, or a transaction of Kysely. */
export type TransactionLike =
  | { query(text: string, values?: unknown[]): Promise<QueryResultLike> }
  | { withoutPlugins(): { executeQuery(query: never): Promise<QueryResultLike> } };
