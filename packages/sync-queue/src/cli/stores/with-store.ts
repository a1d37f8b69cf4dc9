import type { StorePlace } from '../store-place.ts';
import type { OperatedStore } from './operated-store.ts';
import { withPostgres } from './postgres.ts';
import { withRedis } from './redis.ts';
import { withSqlite } from './sqlite.ts';

/** Of an encrypted SQLite file; no argument, for others see those. */
const KEY_VARIABLE = 'HOLDFAST_QUEUE_KEY';

export interface StoreAccess {
  readonly place: StorePlace;
  readonly environment: (name: string) => string | undefined;
  /** When it aborts, connections are dropped, whatever is asked on them. Of SQLite nothing is waited for. */
  readonly signal?: AbortSignal | undefined;
}

/** Gives `fn` the store, which is closed in any case. Rejects with `OperatorError` when it cannot be opened or fails. */
export function withStore<T>(
  { place, environment, signal }: StoreAccess,
  fn: (store: OperatedStore) => Promise<T>,
): Promise<T> {
  switch (place.kind) {
    case 'postgres':
      return withPostgres(place, fn, signal);
    case 'redis':
      return withRedis(place, fn, signal);
    case 'sqlite':
      return withSqlite({ path: place.path, encryptionKey: environment(KEY_VARIABLE) }, fn);
    default: {
      const impossible: never = place;
      return impossible;
    }
  }
}
