import { quoteIdentifier } from '@holdfast/internal';
import { valueFromJson } from './value-from-json.ts';

/**
 * A condition in SQL that is true while `column` still reads as `value`, and the parameter for its `$n`. NULL equals NULL.
 * `row` is the row in SQL.
 *
 * What `pg` gives is less than what the server holds: it must not differ because of that.
 */
export function unchangedCondition(
  row: string,
  column: string,
  value: unknown,
  n: number,
): { readonly sql: string; readonly value: unknown } {
  const name = quoteIdentifier(column);
  if (value === null) {
    // The driver reads JSON's null as null, too. Typed, or the parameter would have no type.
    return {
      sql: `coalesce(to_jsonb(${name}), 'null') IS NOT DISTINCT FROM coalesce($${n}::jsonb, 'null')`,
      value,
    };
  }
  if (value instanceof Date) {
    // A Date cuts off the microseconds. The sum is a timestamp for a `date`, which must not become a timestamptz.
    return {
      sql: `date_trunc('milliseconds', ${name} + interval '0') IS NOT DISTINCT FROM $${n}`,
      value,
    };
  }
  if (typeof value === 'object' && (Buffer.isBuffer(value) || 'toPostgres' in value)) {
    return { sql: `${name} IS NOT DISTINCT FROM $${n}`, value };
  }
  // As jsonb, because json has no equality.
  const read = valueFromJson(row, column, value, n);
  const held = `SELECT to_jsonb(read) FROM (${read.sql}) AS held (read)`;
  return { sql: `to_jsonb(${name}) IS NOT DISTINCT FROM (${held})`, value: read.value };
}
