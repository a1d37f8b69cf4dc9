import {
  quoteIdentifier,
  quoteTable,
  requireObject,
  requireOptionGroup,
  type OptionNames,
} from '@holdfast/internal';
import type { Queryable } from '../ports.ts';
import { queryableOf, type Database } from './queryable-of.ts';
import {
  RowGoneError,
  UpdateSuppressedError,
  VersionColumnMissingError,
  VersionConflictError,
} from './row-errors.ts';
import { requireRowId, type RowId } from './row-id.ts';
import { sqlstateOf } from '../sqlstate.ts';
import { unchangedCondition } from './unchanged-condition.ts';
import { isJsonArray, valueFromJson } from './value-from-json.ts';

export interface VersionedChange<Row extends object> {
  readonly table: string;
  /** Default: the first schema of the connection's search path that has the table. */
  readonly schema?: string | undefined;
  readonly id: RowId;
  /** A unique column. Default `id`. */
  readonly idColumn?: string | undefined;
  /** A column of type integer or bigint that counts the changes. Default `version`. */
  readonly versionColumn?: string | undefined;
  /** The version that the caller has read; int8 may stay the text that `pg` gives. */
  readonly expected: number | bigint | string;
  /**
   * The columns to change, as the driver takes them, and arrays also for JSON; null writes NULL. Neither the id nor the
   * version, and none undefined.
   */
  readonly set: Readonly<Partial<NoInfer<Row>>>;
  /** Columns that must still read as these values, for writers that do not count the version up. Default: none. */
  readonly also?: Readonly<Partial<NoInfer<Row>>> | undefined;
}

const CHANGE_NAMES: OptionNames<VersionedChange<object>> = {
  table: true,
  schema: true,
  id: true,
  idColumn: true,
  versionColumn: true,
  expected: true,
  set: true,
  also: true,
};

/** undefined_column (PostgreSQL manual, appendix A). */
const UNDEFINED_COLUMN = '42703';

/** A space in their names: no column of a row is called so, nor a table. */
const OUTCOME = 'holdfast outcome';
const CHANGED = '"holdfast changed"';
const ROW = '"holdfast row"';

/**
 * How often the statement runs. Each run more than the first needs a writer that commits between the snapshot of the
 * statement and its lock, and leaves the row as it was expected or puts another one in its place.
 */
const MAX_RUNS = 3;

/**
 * Changes a row only if nobody has changed it since it was read (optimistic locking), and resolves with the row as it is
 * then: all columns, so `Row` is the whole row. The version grows by one. One statement decides and says why: the current row of a conflict is what the statement
 * saw, never a later one. Names of columns are the database's, also with plugins of Kysely.
 *
 * @throws {TypeError} at once, when `set` is empty, `set` or `also` has an undefined value or names the id or the
 * version, `id` or `expected` is no such value, a name is no identifier or no option.
 * Rejects with `VERSION_CONFLICT` (with the current row), `ROW_GONE`, `VERSION_COLUMN_MISSING`, `UPDATE_SUPPRESSED` or the
 * driver's error, 40001 in a transaction above READ COMMITTED among them; nothing is changed then.
 */
export function updateVersioned<Row extends object = Readonly<Record<string, unknown>>>(
  db: Database,
  change: VersionedChange<Row>,
): Promise<Row> {
  requireOptionGroup('change', change, CHANGE_NAMES as OptionNames<VersionedChange<Row>>);
  const { text, values } = compile(change);
  const queryable = queryableOf(db);
  return run(queryable, change, text, values).catch((error: unknown) => {
    const { table, versionColumn = 'version' } = change;
    throw isUndefined(quoteIdentifier(versionColumn), error, text)
      ? new VersionColumnMissingError(table, versionColumn, error)
      : error;
  });
}

async function run<Row extends object>(
  db: Queryable,
  change: VersionedChange<Row>,
  text: string,
  values: unknown[],
): Promise<Row> {
  const { table, id, expected, versionColumn = 'version' } = change;
  for (let runs = 1; runs <= MAX_RUNS; runs += 1) {
    const [found] = (await db.query<Row & Readonly<Record<typeof OUTCOME, string>>>(text, values))
      .rows;
    if (found === undefined) throw new RowGoneError(table, id);
    const { [OUTCOME]: outcome, ...rest } = found;
    const row = rest as unknown as Row;
    if (outcome === 'changed') return row;
    if (outcome === 'stale') {
      const actual = row[versionColumn as keyof Row];
      throw new VersionConflictError<Row>({ table, id, expected, actual, current: row });
    }
    // The row that the statement saw would have been changed: somebody came between, so it is not the current one.
  }
  throw new UpdateSuppressedError(table, id);
}

function compile<Row extends object>(
  change: VersionedChange<Row>,
): { readonly text: string; readonly values: unknown[] } {
  const { idColumn = 'id', versionColumn = 'version', also = {} } = change;
  const target = quoteTable(change);
  const [idName, versionName] = [quoteIdentifier(idColumn), quoteIdentifier(versionColumn)];
  if (idColumn === versionColumn) {
    throw new TypeError(`versionColumn must not be the id's column ${JSON.stringify(idColumn)}`);
  }
  const values: unknown[] = [requireRowId('id', change.id), requireVersion(change.expected)];
  const reserved = [idColumn, versionColumn];
  const set = columnsOf('set', change.set, reserved);
  if (set.length === 0) throw new TypeError('set must name at least one column, got none');
  const assignments = set.map(([column, value]) => {
    const name = quoteIdentifier(column);
    // The driver takes every array for one of the server.
    if (!isJsonArray(value)) return `${name} = $${values.push(value)}`;
    const written = valueFromJson(ROW, column, value, values.length + 1);
    values.push(written.value);
    return `${name} = (${written.sql})`;
  });
  const conditions = columnsOf('also', also, reserved).map(([column, value]) => {
    const condition = unchangedCondition(ROW, column, value, values.length + 1);
    values.push(condition.value);
    return condition.sql;
  });
  const isExpected = [`${versionName} = $2::bigint`, ...conditions].join(' AND ');

  // The second half reads the snapshot that the update began with. `matched`: the update found a newer row there, once it
  // had waited for its writer (EvalPlanQual), or a trigger or a policy held it back.
  const text = `WITH ${CHANGED} AS (
      UPDATE ${target} AS ${ROW} SET ${assignments.join(', ')}, ${versionName} = ${versionName} + 1
      WHERE ${idName} = $1 AND ${isExpected} RETURNING *
    )
    SELECT 'changed' AS "${OUTCOME}", * FROM ${CHANGED}
    UNION ALL
    SELECT CASE WHEN ${isExpected} THEN 'matched' ELSE 'stale' END, * FROM ${target} AS ${ROW}
    WHERE ${idName} = $1 AND NOT EXISTS (SELECT FROM ${CHANGED})`;
  return { text, values };
}

function columnsOf(
  name: string,
  columns: object,
  reserved: readonly string[],
): [string, unknown][] {
  const entries = Object.entries(requireObject(name, columns)) as [string, unknown][];
  for (const [column, value] of entries) {
    if (value === undefined) {
      // The driver would write NULL.
      throw new TypeError(`${name}.${column} must not be undefined: leave it out, or give null`);
    }
    if (reserved.includes(column)) {
      throw new TypeError(`${name} must not name the column ${JSON.stringify(column)}`);
    }
  }
  return entries;
}

/** As text, so that no digit of an int8 is lost. */
function requireVersion(expected: unknown): string {
  const isInteger =
    typeof expected === 'bigint' ||
    Number.isSafeInteger(expected) ||
    (typeof expected === 'string' && /^-?\d{1,19}$/.test(expected));
  if (isInteger) return String(expected);
  const got = typeof expected === 'string' ? JSON.stringify(expected) : String(expected);
  throw new TypeError(`expected must be a version: an integer, a bigint or its text, got ${got}`);
}

/** The server says where in the text the unknown name is, in any language. */
function isUndefined(name: string, error: unknown, text: string): boolean {
  if (sqlstateOf(error) !== UNDEFINED_COLUMN) return false;
  const { position } = error as { readonly position?: string | undefined };
  const rest = Array.from(text)
    .slice(Number(position) - 1)
    .join('');
  return rest.startsWith(name) && !rest.startsWith(`${name}"`);
}
