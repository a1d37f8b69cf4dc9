import type { StorePlace } from '../store-place.ts';
import type { OperatedStore } from './operated-store.ts';
import { withPostgres } from './postgres.ts';
import { withRedis } from './redis.ts';
import { withSqlite } from './sqlite.ts';

/** Of an encrypted SQLite file; no argument, for others see those. */
const KEY_VARIABLE = 'HOLDFAST_QUEUE_KEY';

/** Gives `fn` the store, which is closed in any case. Rejects with `OperatorError` when it cannot be opened or fails. */
export function withStore<T>(
  place: StorePlace,
  environment: (name: string) => string | undefined,
  fn: (store: OperatedStore) => Promise<T>,
): Promise<T> {
  switch (place.kind) {
    case 'postgres':
      return withPostgres(place, fn);
    case 'redis':
      return withRedis(place, fn);
    case 'sqlite':
      return withSqlite({ path: place.path, encryptionKey: environment(KEY_VARIABLE) }, fn);
    default: {
      const impossible: never = place;
      return impossible;
    }
  }
}
