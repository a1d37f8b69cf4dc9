import { quoteIdentifier } from '@holdfast/internal';

/**
 * A query that gives what `column` holds when JSON is put into it, and the parameter for its `$n`. An array of JSON and one
 * of the server look the same here, and so do a text and a text in JSON: only the row's type knows which it is.
 *
 * `row` is a row of the table, in SQL: NULL would be refused where another column has a domain without NULL.
 */
export function valueFromJson(
  row: string,
  column: string,
  value: unknown,
  n: number,
): { readonly sql: string; readonly value: string } {
  const sql = `SELECT ${quoteIdentifier(column)} FROM jsonb_populate_record(${row}, $${n}::jsonb)`;
  // What JSON has no number for, the server reads from its text.
  const hasNoJson =
    typeof value === 'bigint' || (typeof value === 'number' && !Number.isFinite(value));
  return { sql, value: JSON.stringify({ [column]: hasNoJson ? String(value) : value }) };
}

/** True when JSON says the same of `value` as the driver would say in an array of the server. */
export function isJsonArray(value: unknown): value is readonly unknown[] {
  return Array.isArray(value) && value.every(isJsonElement);
}

function isJsonElement(value: unknown): boolean {
  if (Array.isArray(value)) return value.every(isJsonElement);
  if (typeof value === 'number') return Number.isFinite(value);
  if (typeof value !== 'object') return typeof value === 'string' || typeof value === 'boolean';
  if (value === null) return true;
  // The driver has forms of its own for these.
  return !(value instanceof Date || ArrayBuffer.isView(value) || 'toPostgres' in value);
}
