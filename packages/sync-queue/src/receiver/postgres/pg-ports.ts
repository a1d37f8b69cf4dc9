/** What the receipts need of a connection; a client of `pg` has this shape. */
export interface ReceiptClientLike {
  query<Row extends object>(text: string, values?: unknown[]): Promise<{ readonly rows: Row[] }>;
  release(error?: Error | boolean): void;
  on(event: 'error', listener: (error: Error) => void): unknown;
  removeListener(event: 'error', listener: (error: Error) => void): unknown;
}

/** What the receipts need of a pool; `pg.Pool` has this shape. */
export interface ReceiptPoolLike {
  connect(): Promise<ReceiptClientLike>;
}

/** What the effects of an op are written with: part of the transaction that also keeps its receipt. */
export type PgTransaction = Pick<ReceiptClientLike, 'query'>;
