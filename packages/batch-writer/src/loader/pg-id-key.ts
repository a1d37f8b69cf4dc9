import { codecOf } from '../rows/codecs.ts';
import type { ScalarType } from '../rows/pg-types.ts';
import type { CacheKey } from './batch-loader.ts';
import { KeyInvalidError } from './loader-errors.ts';

/** Types whose values are equal in PostgreSQL exactly when their canonical texts are. */
export type IdKeyType = Extract<ScalarType, 'text' | 'uuid' | 'int2' | 'int4' | 'int8'>;

export const ID_KEY_TYPES: readonly IdKeyType[] = ['text', 'uuid', 'int2', 'int4', 'int8'];

/** How keys of one type are told from each other and written. */
export interface IdKeyRule {
  /** The same for keys that PostgreSQL holds equal: `7`, `7n` and `'07'` are one `int8`. @throws {KeyInvalidError} */
  readonly identityOf: (key: unknown) => CacheKey;
  /** As PostgreSQL writes it. @throws {KeyInvalidError} */
  readonly textOf: (key: unknown) => string;
  /** The same order in every process, so that two that insert the same keys cannot deadlock. */
  readonly compare: (a: string, b: string) => number;
}

export function idKeyRule(type: IdKeyType): IdKeyRule {
  const codec = codecOf(type);
  const textOf = (key: unknown): string => {
    try {
      return codec.text(key);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new KeyInvalidError(`of type ${type} does not fit: ${reason}`, { cause: error });
    }
  };
  switch (type) {
    case 'text':
      return {
        identityOf: (key) => (typeof key === 'string' ? key : textOf(key)),
        textOf,
        compare,
      };
    case 'uuid':
      return { identityOf: textOf, textOf, compare };
    case 'int2':
    case 'int4':
    case 'int8': {
      const limit = { int2: 2 ** 15, int4: 2 ** 31, int8: 2 ** 53 }[type];
      return {
        identityOf: (key) =>
          typeof key === 'number' && Number.isInteger(key) && Math.abs(key) < limit
            ? key
            : integerFrom(textOf(key)),
        textOf,
        compare: (a, b) => (BigInt(a) < BigInt(b) ? -1 : 1),
      };
    }
    default: {
      const impossible: never = type;
      return impossible;
    }
  }
}

/** A number where that is exact, else a bigint. `text` is digits, with a sign at most. */
export function integerFrom(text: string): number | bigint {
  const number = Number(text);
  return Number.isSafeInteger(number) ? number : BigInt(text);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : 1;
}
