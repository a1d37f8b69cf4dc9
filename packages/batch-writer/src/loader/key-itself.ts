import type { CacheKey } from './batch-loader.ts';
import { KeyInvalidError } from './loader-errors.ts';

/**
 * A key as its own identity. A `Map` tells `1n` from `'1'` and finds equal bigints again, but an object only by reference.
 *
 * @throws {KeyInvalidError} for objects, functions, symbols, null and undefined.
 */
export function keyItself(key: unknown): CacheKey {
  switch (typeof key) {
    case 'string':
    case 'number':
    case 'bigint':
    case 'boolean':
      return key;
    default: {
      const kind = key === null ? 'null' : typeof key;
      throw new KeyInvalidError(
        `must be a string, a number, a bigint or a boolean unless keyOf is given, got ${kind}`,
      );
    }
  }
}
