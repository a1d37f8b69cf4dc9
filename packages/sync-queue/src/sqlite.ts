export { sqliteStore, type SqliteStoreOptions } from './sqlite/sqlite-store.ts';
export {
  StoreDriverMissingError,
  StoreFailedError,
  StoreKeyWrongError,
  StoreSchemaNewerError,
} from './errors.ts';
export type { QueueStore } from './store.ts';
