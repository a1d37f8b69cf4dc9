export { sqliteStore, type SqliteStoreOptions } from './sqlite/sqlite-store.ts';
export {
  StoreDriverMissingError,
  StoreFailedError,
  StoreKeyWrongError,
  StoreSchemaNewerError,
} from './errors.ts';
export type { QueueStore } from './store.ts';
export {
  sqliteOutboxStore,
  type SqliteOutboxStoreOptions,
} from './outbox/sqlite/sqlite-outbox-store.ts';
export type { OutboxStore } from './outbox/outbox-store.ts';
export {
  sqliteReceiptStore,
  type SqliteReceiptStoreOptions,
  type SqliteTransaction,
} from './receiver/sqlite/sqlite-receipt-store.ts';
