import {
  quoteIdentifier,
  quoteTable,
  requireObject,
  requireOneOf,
  requireOptionGroup,
  requireText,
} from '@holdfast/internal';
import type { BatchWriterOptions, ColumnOptions, NewerThan, OnConflict } from './batch-writer.ts';
import { hasOrder, isPgType } from './rows/codecs.ts';
import type { ColumnSpec } from './rows/pg-types.ts';
import { createRowFormat, type RowFormat } from './rows/row-format.ts';

export interface UpdateOnConflict {
  readonly action: 'update';
  readonly update: readonly string[];
  readonly newerThan: Required<NewerThan<string>> | undefined;
}

/** What becomes of a row whose key the table holds already. */
export type Conflict =
  { readonly action: 'error' } | { readonly action: 'nothing' } | UpdateOnConflict;

/** What is written where. */
export interface Table {
  readonly schema: string | undefined;
  readonly table: string;
  /** For messages: quoted, with the schema. */
  readonly label: string;
  readonly columns: readonly ColumnSpec[];
  /** Empty: rows have no key. */
  readonly key: readonly string[];
  readonly conflict: Conflict;
  readonly format: RowFormat;
}

/** What rows on disk were encoded for: rows of another shape cannot be read. */
export function shapeOf({ label, columns, key, format }: Table): string {
  const types = columns.map(({ name, type }) => `${JSON.stringify(name)} ${type}`);
  return `${format.name} ${label} (${types.join(', ')}) key (${key.join(', ')})`;
}

/** @throws {TypeError | RangeError} naming the option, the rule and the value. */
export function resolveTable<Row extends object>(options: BatchWriterOptions<Row>): Table {
  const name = { schema: options.schema, table: requireText('table', options.table) };
  if (options.schema !== undefined) requireText('schema', options.schema);
  const given = requireObject('columns', options.columns) as Readonly<Record<string, unknown>>;
  const key = resolveKey(options.key, given);
  const columns = Object.entries(given).map(([column, spec]) =>
    resolveColumn(column, spec, key.includes(column)),
  );
  if (columns.length === 0) throw new TypeError('columns must name at least one column');
  const conflict = resolveConflict(options.onConflict, given, key);
  const orderColumn = conflict.action === 'update' ? conflict.newerThan?.column : undefined;
  requireOrder(columns.find(({ name }) => name === orderColumn));
  return Object.freeze({
    ...name,
    label: quoteTable(name),
    columns: Object.freeze(columns),
    key: Object.freeze(key),
    conflict,
    format: createRowFormat(columns, { orderColumn }),
  });
}

function resolveColumn(name: string, given: unknown, isKey: boolean): ColumnSpec {
  quoteIdentifier(name);
  const option = `columns.${name}`;
  const spec: ColumnOptions =
    typeof given === 'string'
      ? { type: given as ColumnOptions['type'] }
      : requireOptionGroup<ColumnOptions>(option, given as ColumnOptions, {
          type: true,
          nul: true,
        });
  if (!isPgType(spec.type)) {
    throw new TypeError(
      `${option} must be a type such as "int8", "text[]" or "unknown", got ${JSON.stringify(spec.type)}: describeTable() tells what a table has`,
    );
  }
  const nul = requireOneOf(`${option}.nul`, spec.nul ?? 'reject', ['reject', 'strip']);
  return Object.freeze({ name, type: spec.type, nul, isKey });
}

function resolveKey(given: unknown, columns: Readonly<Record<string, unknown>>): string[] {
  if (given === undefined) return [];
  if (!Array.isArray(given) || given.length === 0) {
    throw new TypeError('key must be an array of at least one column of a unique index');
  }
  const names = given.map((name) => requireColumn('key', name, columns));
  if (new Set(names).size < names.length) throw new TypeError('key must not name a column twice');
  return names;
}

function resolveConflict<Row extends object>(
  given: OnConflict<Row> | undefined,
  columns: Readonly<Record<string, unknown>>,
  key: readonly string[],
): Conflict {
  const onConflict = given ?? (key.length === 0 ? 'error' : 'nothing');
  if (onConflict === 'error') return { action: 'error' };
  if (onConflict !== 'nothing' && typeof onConflict !== 'object') {
    throw new TypeError('onConflict must be "error", "nothing" or { update, newerThan }');
  }
  if (key.length === 0) throw new TypeError('onConflict needs a key');
  if (onConflict === 'nothing') return { action: 'nothing' };
  requireOptionGroup('onConflict', onConflict, { update: true, newerThan: true });
  const others = Object.keys(columns).filter((name) => !key.includes(name));
  const update = resolveUpdate(onConflict.update ?? others, columns, key);
  return Object.freeze({
    action: 'update',
    update,
    newerThan: resolveNewerThan(onConflict.newerThan, columns, update),
  });
}

function resolveUpdate(
  given: unknown,
  columns: Readonly<Record<string, unknown>>,
  key: readonly string[],
): string[] {
  if (!Array.isArray(given) || given.length === 0) {
    throw new TypeError(
      'onConflict.update must be an array of at least one column that is not in the key',
    );
  }
  const names = given.map((name) => requireColumn('onConflict.update', name, columns));
  const inKey = names.find((name) => key.includes(name));
  if (inKey !== undefined) {
    throw new TypeError(
      `onConflict.update must not name a column of the key, got ${JSON.stringify(inKey)}`,
    );
  }
  return names;
}

function resolveNewerThan(
  given: string | NewerThan<string> | undefined,
  columns: Readonly<Record<string, unknown>>,
  update: readonly string[],
): UpdateOnConflict['newerThan'] {
  if (given === undefined) return undefined;
  const option = 'onConflict.newerThan';
  const spec: NewerThan<string> =
    typeof given === 'string'
      ? { column: given }
      : requireOptionGroup<NewerThan<string>>(option, given, { column: true, tie: true });
  const column = requireColumn(`${option}.column`, spec.column, columns);
  if (!update.includes(column)) {
    throw new TypeError(
      `${option}.column must be among the updated columns, got ${JSON.stringify(column)}`,
    );
  }
  return { column, tie: requireOneOf(`${option}.tie`, spec.tie ?? 'keep', ['keep', 'replace']) };
}

function requireOrder(column: ColumnSpec | undefined): void {
  if (column === undefined || hasOrder(column.type)) return;
  throw new TypeError(
    `onConflict.newerThan.column must be an integer, a float, a date or a timestamp, got ${JSON.stringify(column.name)} of type ${column.type}`,
  );
}

function requireColumn(
  option: string,
  name: unknown,
  columns: Readonly<Record<string, unknown>>,
): string {
  if (typeof name === 'string' && Object.hasOwn(columns, name)) return name;
  throw new TypeError(`${option} must name columns, got ${JSON.stringify(name)}`);
}
