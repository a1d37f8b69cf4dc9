export {
  postgresStore,
  postgresStoreStatements,
  type PostgresStoreOptions,
} from './postgres/postgres-store.ts';
export type {
  NotificationLike,
  PgClientLike,
  PgPoolLike,
  QueryResultLike,
} from './postgres/ports.ts';
export {
  postgresReceiptStore,
  type PostgresReceiptStore,
  type PostgresReceiptStoreOptions,
} from './receiver/postgres/postgres-receipt-store.ts';
export type {
  PgTransaction,
  ReceiptClientLike,
  ReceiptPoolLike,
} from './receiver/postgres/pg-ports.ts';
export { StoreFailedError, StoreSchemaNewerError } from './errors.ts';
export type { QueueStore } from './store.ts';
