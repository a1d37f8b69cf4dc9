import { quoteIdentifier, quoteTable } from '@holdfast/internal';
import type { IdKeyType } from './pg-id-key.ts';

export interface IdTable {
  readonly table: string;
  readonly schema: string | undefined;
  readonly keyColumn: string;
  readonly keyType: IdKeyType;
  readonly idColumn: string;
}

export interface IdRow {
  readonly key: string;
  /** Null where the column is. */
  readonly id: string | null;
}

export interface IdStatements {
  readonly table: IdTable;
  /** For messages. */
  readonly label: string;
  readonly select: string;
  readonly insert: string;
}

/** As text, so that type parsers of the program's own change nothing. */
export function idStatements(table: IdTable): IdStatements {
  const label = quoteTable(table);
  const key = quoteIdentifier(table.keyColumn);
  const columns = `${key}::text AS key, ${quoteIdentifier(table.idColumn)}::text AS id`;
  return {
    table,
    label,
    select: `SELECT ${columns} FROM ${label} WHERE ${key} = ANY($1::${table.keyType}[])`,
    // DO UPDATE would write a new version of every row that is there; the target makes any other conflict an error.
    insert:
      `INSERT INTO ${label} (${key}) SELECT k FROM unnest($1::${table.keyType}[]) AS missing (k) ` +
      `ON CONFLICT (${key}) DO NOTHING RETURNING ${columns}`,
  };
}
