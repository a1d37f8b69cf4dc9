/** The rows of an answer; a result of `pg` has this shape. */
export interface QueryResultLike<Row> {
  readonly rows: Row[];
  /** How many rows the statement gave or changed; undefined where the driver does not say. */
  readonly rowCount?: number | null | undefined;
}

/** Anything that runs one statement: a pool, a client or a `Transaction`. */
export interface Queryable {
  // The values are as loose as the driver's: it serialises them.
  query<Row extends object>(text: string, values?: unknown[]): Promise<QueryResultLike<Row>>;
}

/** What locks need of a connection; a client of `pg` has this shape. */
export interface PgClientLike extends Queryable {
  release(error?: Error | boolean): void;
  on(event: 'error', listener: (error: Error) => void): unknown;
  removeListener(event: 'error', listener: (error: Error) => void): unknown;
}

/** What locks need of a pool; `pg.Pool` has this shape. */
export interface PgPoolLike {
  connect(): Promise<PgClientLike>;
}

/** The client that a pool gives: of `pg.Pool`, whose `connect` also takes a callback, `PoolClient`. */
export type ClientOf<Pool extends PgPoolLike> = Pool extends {
  connect(): Promise<infer Client extends PgClientLike>;
  connect(callback: never): void;
}
  ? Client
  : Pool extends { connect(): Promise<infer Client extends PgClientLike> }
    ? Client
    : PgClientLike;

/** What locks need of Kysely; an instance, and a transaction of it, have this shape. */
export interface KyselyLike {
  withoutPlugins(): { executeQuery(query: never): Promise<QueryResultLike<unknown>> };
  getExecutor(): { withConnectionProvider(provider: never): unknown };
}

/** `Transaction<DB>` of a `Kysely<DB>`. */
export type KyselyTransactionOf<K> = K extends {
  transaction(): { execute(callback: (transaction: infer Tx) => Promise<unknown>): unknown };
}
  ? Tx
  : never;
