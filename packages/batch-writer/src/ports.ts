/** What a writer needs of a result; a result of `pg` has this shape. */
export interface QueryResultLike<Row> {
  readonly rows: Row[];
  readonly rowCount: number | null;
}

/** What a writer needs of a connection; a client of `pg` (not of `pg-native`) has this shape. */
export interface PgClientLike {
  query<Row extends object>(text: string, values?: unknown[]): Promise<QueryResultLike<Row>>;
  /** A query object of its own that speaks the protocol, as `pg-cursor` and `pg-copy-streams` do. */
  query<Query extends Submittable>(query: Query): Query;
  release(error?: Error | boolean): void;
  on(event: 'error', listener: (error: Error) => void): unknown;
  removeListener(event: 'error', listener: (error: Error) => void): unknown;
}

/** What a writer needs of a pool; `pg.Pool` has this shape. */
export interface PgPoolLike {
  connect(): Promise<PgClientLike>;
}

/** The part of `pg`'s connection that a query object writes to. */
export interface WireLike {
  readonly stream: {
    write(bytes: Uint8Array): unknown;
    cork(): void;
    uncork(): void;
  };
}

/** A query object: `submit` sends it, the client tells it each message that answers it. */
export interface Submittable {
  submit(connection: WireLike): Error | undefined | void;
  handleRowDescription(message: unknown): void;
  handleDataRow(message: { readonly fields: readonly (string | null)[] }): void;
  handleCommandComplete(message: { readonly text: string }): void;
  handleCopyInResponse(connection: WireLike): void;
  handleError(error: Error): void;
  handleReadyForQuery(): void;
}

/** Anything that runs a function under a policy, for example a circuit breaker. */
export interface Guard {
  execute<T>(
    fn: (context: { readonly signal: AbortSignal }) => Promise<T>,
    options?: { readonly signal?: AbortSignal },
  ): Promise<T>;
}
