import { quoteIdentifier, quoteTable, requireObject } from '@holdfast/internal';
import { RowGoneError, VersionColumnMissingError, VersionConflictError } from './errors.ts';
import type { Queryable } from './locks.ts';
import { sqlstateOf } from './sqlstate.ts';

export interface VersionedChange<Row extends object> {
  readonly table: string;
  /** Default: the first schema of the connection's search path that has the table. */
  readonly schema?: string | undefined;
  readonly id: string | number | bigint;
  /** Default `id`. */
  readonly idColumn?: string | undefined;
  /** An integer column that counts the changes. Default `version`. */
  readonly versionColumn?: string | undefined;
  /** The version that the caller has read; int8 may stay the text that `pg` gives. */
  readonly expected: number | bigint | string;
  /** The columns to change; null writes NULL. Neither the id nor the version, and none undefined. */
  readonly set: Readonly<Partial<Row>>;
}

/** undefined_column (PostgreSQL manual, appendix A). */
const UNDEFINED_COLUMN = '42703';

/**
 * Changes a row only if nobody has changed it since it was read (optimistic locking), in one statement, and resolves
 * with the row as it is then. The version grows by one.
 *
 * @throws {TypeError} at once, when `set` is empty, has an undefined value or names the id or the version, or a name is
 * no identifier.
 * Rejects with `VERSION_CONFLICT` (with the current row), `ROW_GONE`, `VERSION_COLUMN_MISSING` or the driver's error;
 * nothing is changed then.
 */
export function updateVersioned<Row extends object>(
  db: Queryable,
  change: VersionedChange<Row>,
): Promise<Row> {
  requireObject('change', change);
  const { table, id, expected, idColumn = 'id', versionColumn = 'version' } = change;
  const columns = Object.keys(requireObject('set', change.set));
  const unset = columns.find((column) => change.set[column as keyof Row] === undefined);
  if (unset !== undefined) {
    // The driver would write NULL.
    throw new TypeError(`set.${unset} must not be undefined: leave it out, or write null`);
  }
  if (columns.length === 0) throw new TypeError('set must name at least one column, got none');
  for (const reserved of [idColumn, versionColumn]) {
    if (columns.includes(reserved)) {
      throw new TypeError(`set must not name the column ${JSON.stringify(reserved)}`);
    }
  }
  const target = quoteTable(change);
  const [idName, versionName] = [quoteIdentifier(idColumn), quoteIdentifier(versionColumn)];
  const assignments = columns.map((column, n) => `${quoteIdentifier(column)} = $${n + 3}`);
  const update = `UPDATE ${target} SET ${assignments.join(', ')}, ${versionName} = ${versionName} + 1
    WHERE ${idName} = $1 AND ${versionName} = $2 RETURNING *`;
  const select = `SELECT * FROM ${target} WHERE ${idName} = $1`;
  const values = columns.map((column) => change.set[column as keyof Row]);

  const run = async (): Promise<Row> => {
    const updated = await db.query<Row>(update, [id, expected, ...values]);
    const [row] = updated.rows;
    if (row !== undefined) return row;
    const [current] = (await db.query<Row>(select, [id])).rows;
    if (current === undefined) throw new RowGoneError(table, id);
    const actual = current[versionColumn as keyof Row];
    throw new VersionConflictError<Row>({ table, id, expected, actual, current });
  };
  return run().catch((error: unknown) => {
    const isVersionMissing =
      sqlstateOf(error) === UNDEFINED_COLUMN && String(error).includes(`"${versionColumn}"`);
    throw isVersionMissing ? new VersionColumnMissingError(table, versionColumn, error) : error;
  });
}
