import { requireText } from '@holdfast/internal';

/**
 * SQLite ends a text at NUL, and half of a surrogate pair has no UTF-8: different texts would become one in a store.
 *
 * @throws {TypeError} unless `value` is a text that every store keeps as it is.
 */
export function requireStorableText(name: string, value: unknown): string {
  const text = requireText(name, value);
  if (text.includes('\u0000') || /\p{Surrogate}/u.test(text)) {
    throw new TypeError(
      `${name} must not hold NUL or half of a surrogate pair, got ${JSON.stringify(text)}`,
    );
  }
  return text;
}
