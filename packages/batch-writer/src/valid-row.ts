import { RowInvalidError } from './errors.ts';
import type { StandardIssue, StandardSchema } from './standard-schema.ts';

/**
 * What a schema makes of a row.
 *
 * @throws {RowInvalidError} with the first issue, naming its column.
 * @throws {TypeError} when the schema validates asynchronously: rows keep their order.
 */
export function toValidRow(schema: StandardSchema<unknown, object>, row: object): object {
  const result = schema['~standard'].validate(row);
  if (result instanceof Promise) {
    result.catch(() => undefined);
    throw new TypeError('validate must be a schema that validates synchronously');
  }
  const issue = result.issues?.[0];
  if (issue !== undefined) throw new RowInvalidError(columnOf(issue), issue.message);
  return (result as { readonly value: object }).value;
}

function columnOf({ path }: StandardIssue): string {
  const first = path?.[0];
  if (first === undefined) return '';
  return String(typeof first === 'object' ? first.key : first);
}
