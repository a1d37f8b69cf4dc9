import { quoteIdentifier, quoteTable, requireOptions, type OptionNames } from '@holdfast/internal';

export interface LeaseTable {
  /** As it is called, quoted: a dot does not name a schema. Default `holdfast_leases`. */
  readonly table?: string | undefined;
  /** Default: that of the connection's `search_path`. */
  readonly schema?: string | undefined;
}

const NAMES: OptionNames<LeaseTable> = { table: true, schema: true };
const DEFAULT_TABLE = 'holdfast_leases';

/** The table's name as SQL. @throws {TypeError} when a name is empty or holds a NUL character. */
export function leaseTableName({ table = DEFAULT_TABLE, schema }: LeaseTable = {}): string {
  return quoteTable({ table, schema });
}

/**
 * The statements that create the table of the leases, unless it exists: one row a key. Rows must never be deleted: the
 * fencing token would go back to 1, and stale writes would be accepted.
 *
 * @throws {TypeError} when an option is unknown, or a name is empty or holds a NUL character.
 */
export function leaseSchema(table: LeaseTable = {}): string[] {
  requireOptions('leaseSchema', table, NAMES);
  const create =
    table.schema === undefined
      ? []
      : [`CREATE SCHEMA IF NOT EXISTS ${quoteIdentifier(table.schema)}`];
  return [
    ...create,
    // Half of each page stays free, and nothing but the key is indexed: so a renewal is a HOT update, which writes no
    // index and leaves nothing for vacuum (PostgreSQL manual, 65.7).
    `CREATE TABLE IF NOT EXISTS ${leaseTableName(table)} (
  key text PRIMARY KEY,
  token bigint NOT NULL,
  holder text NOT NULL,
  attempt uuid NOT NULL,
  acquired_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL
) WITH (fillfactor = 50)`,
  ];
}
