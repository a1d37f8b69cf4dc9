import { requireNumber } from '@holdfast/internal';

/** @throws {TypeError | RangeError} unless `value` is a finite number above 0, and at most `max` if there is one. */
export function requireAboveZero(
  name: string,
  value: unknown,
  { max }: { readonly max?: number } = {},
): number {
  const number = requireNumber(name, value);
  if (number > 0 && (max === undefined || number <= max)) return number;
  const rule = max === undefined ? 'above 0' : `above 0 and at most ${max}`;
  throw new RangeError(`${name} must be ${rule}, got ${number}`);
}
