import { kindOf } from './kind-of.ts';

/** @throws {TypeError} unless `value` can be iterated: `Array.from` would make nothing of a number, and letters of a text. */
export function requireIterable<I>(name: string, value: I): I {
  const { [Symbol.iterator]: iterate } = (value ?? {}) as { readonly [Symbol.iterator]?: unknown };
  if (typeof iterate === 'function' && typeof value !== 'string') return value;
  throw new TypeError(`${name} must be iterable and no string, got ${kindOf(value)}`);
}
