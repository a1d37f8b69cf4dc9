/** What names a row. int8 may be a bigint or the text that `pg` gives, a UUID is text. */
export type RowId = string | number | bigint;

/** @throws {TypeError} unless `value` is a non-empty string, a bigint or a safe integer. */
export function requireRowId(name: string, value: unknown): RowId {
  if (typeof value === 'bigint' || Number.isSafeInteger(value)) return value as RowId;
  if (typeof value === 'string' && value !== '') return value;
  throw new TypeError(
    `${name} must be a non-empty string, a bigint or a safe integer, got ${show(value)}`,
  );
}

function show(value: unknown): string {
  if (value === null || typeof value === 'number') return String(value);
  return value === '' ? '""' : typeof value;
}
