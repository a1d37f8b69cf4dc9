import type { CacheKey, LoadResult } from './batch-loader.ts';
import type { Flight } from './flight.ts';
import { LoadResultError } from './loader-errors.ts';

/** What was found, by identity; the keys that are absent are not in it. */
export type Found<V> = ReadonlyMap<CacheKey, V | Error>;

/**
 * Matches an answer to the flights that it is for.
 *
 * @throws {LoadResultError} when it is neither map nor array, has a key that was not asked for or has one twice, or is an array of
 * another length: it cannot be told then which of its values are right.
 */
export function readResult<K, V>(
  of: 'load' | 'createMissing',
  result: LoadResult<K, V>,
  { flights, keyOf }: Asked<K, V>,
): Found<V> {
  const found = new Map<CacheKey, V | Error>();
  const take = (id: CacheKey, value: V | Error | undefined | null): void => {
    if (value !== undefined && value !== null) found.set(id, value);
  };
  if (Array.isArray(result)) {
    const values = result as readonly (V | Error | undefined | null)[];
    if (values.length !== flights.length) {
      throw new LoadResultError(
        `${of} was asked for ${flights.length} keys and gave an array of ${values.length}`,
      );
    }
    flights.forEach(({ id }, index) => take(id, values[index]));
    return found;
  }
  if (!(result instanceof Map)) {
    throw new LoadResultError(`${of} must resolve with a Map or an array`);
  }
  const asked = new Set(flights.map(({ id }) => id));
  for (const [key, value] of result as ReadonlyMap<K, V | Error | undefined | null>) {
    const id = keyOf(key);
    if (!asked.delete(id)) {
      throw new LoadResultError(
        `${of} gave a key that it was not asked for, or one twice: ${String(id)}`,
      );
    }
    take(id, value);
  }
  return found;
}

interface Asked<K, V> {
  readonly flights: readonly Flight<K, V>[];
  readonly keyOf: (key: K) => CacheKey;
}
