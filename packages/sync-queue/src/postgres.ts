export {
  postgresReceiptStore,
  type PostgresReceiptStore,
  type PostgresReceiptStoreOptions,
} from './receiver/postgres/postgres-receipt-store.ts';
export type { PgClientLike, PgPoolLike, PgTransaction } from './receiver/postgres/pg-ports.ts';
