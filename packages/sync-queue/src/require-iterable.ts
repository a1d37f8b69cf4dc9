import { kindOf } from './kind-of.ts';

/** @throws {TypeError} unless `value` can be iterated: `Array.from` would make nothing of a number. */
export function requireIterable<I>(name: string, value: I): I {
  const { [Symbol.iterator]: iterate } = (value ?? {}) as { readonly [Symbol.iterator]?: unknown };
  if (typeof iterate === 'function') return value;
  throw new TypeError(`${name} must be iterable, got ${kindOf(value)}`);
}
