import { quoteTable, requireObject, requireOptions, requireText } from '@holdfast/internal';
import type { QueryResultLike } from './ports.ts';
import type { PgType } from './rows/pg-types.ts';
import { readCatalogue, requireWritable, typeOf } from './sending/table-facts.ts';

export interface DescribeTableOptions<Row extends object> {
  readonly table: string;
  /** Default: the first schema of the connection's search path that has the table. */
  readonly schema?: string | undefined;
  /** The columns that are to be written. */
  readonly columns: readonly (keyof Row & string)[];
}

/** Anything that runs one statement: a `pg.Pool`, or a client. */
export interface Queryable {
  query<Row extends object>(text: string, values?: unknown[]): Promise<QueryResultLike<Row>>;
}

/**
 * Reads from the catalogue the types of columns, as the option `columns` of a writer wants them: those of a domain by its base
 * type, an enum as `text`, a type without a codec as `unknown`.
 *
 * @throws {TypeError} on bad options.
 * Rejects with `TABLE_MISMATCH` when there is no such table or column, or a column is generated always.
 */
export async function describeTable<Row extends object>(
  db: Queryable,
  options: DescribeTableOptions<Row>,
): Promise<Readonly<Record<keyof Row & string, PgType>>> {
  requireObject('db', db);
  requireOptions('describeTable', options, { table: true, schema: true, columns: true });
  const { table, schema, columns } = options;
  if (!Array.isArray(columns) || columns.length === 0) {
    throw new TypeError('columns must be an array of at least one name');
  }
  const label = quoteTable({ table: requireText('table', table), schema });
  const found = await readCatalogue(db, label);
  return Object.fromEntries(
    (columns as readonly string[]).map((name) => [
      name,
      typeOf(requireWritable(label, name, found)),
    ]),
  ) as Record<keyof Row & string, PgType>;
}
