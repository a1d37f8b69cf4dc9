import { isHoldfastError } from '@holdfast/internal';
import { StoreFailedError } from '../errors.ts';

/**
 * Waits for all calls, each to a shard of its own. When one fails the others may have done their part, so the whole is
 * `not-applied` only if every one of them was. @throws {StoreFailedError}
 */
export async function settleCalls<T>(calls: readonly Promise<T>[]): Promise<T[]> {
  const results = await Promise.allSettled(calls);
  const values: T[] = [];
  const failures: unknown[] = [];
  for (const result of results) {
    if (result.status === 'fulfilled') values.push(result.value);
    else failures.push(result.reason);
  }
  if (failures.length === 0) return values;
  throw failureOf(failures, values.length > 0);
}

/** The first failure of a call to many shards, with what is known of the whole. */
export function failureOf(failures: readonly unknown[], isPartlyDone: boolean): unknown {
  const [first] = failures;
  const isOpen = isPartlyDone || !failures.every(isNotApplied);
  if (!isOpen || !isNotApplied(first)) return first;
  return new StoreFailedError('unknown', first);
}

function isNotApplied(error: unknown): boolean {
  return (
    isHoldfastError(error, 'STORE_FAILED') && 'outcome' in error && error.outcome === 'not-applied'
  );
}
