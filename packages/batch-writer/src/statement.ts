import { quoteIdentifier, quoteTable } from '@holdfast/internal';
import type { EncodedRow } from './encode-row.ts';
import type { Table } from './options.ts';

/**
 * One statement for any number of rows: an array a column, so the text does not depend on their number and stays far
 * from the protocol's 65 535 parameters.
 */
export function insertStatement(table: Table): string {
  const names = table.columns.map(({ name }) => quoteIdentifier(name));
  const arrays = table.columns.map(({ type }, index) => `$${index + 1}::${type}[]`);
  return [
    `INSERT INTO ${quoteTable(table)} AS stored (${names.join(', ')})`,
    `SELECT * FROM unnest(${arrays.join(', ')})`,
    // With the target named: a conflict with another unique index is an error of that row, not a duplicate.
    `ON CONFLICT (${table.key.map(quoteIdentifier).join(', ')}) ${conflictAction(table)}`,
  ].join('\n');
}

/** The parameters of the statement: for each column the array of its values' text forms. */
export function columnArrays(table: Table, rows: readonly EncodedRow[]): (string | null)[][] {
  return table.columns.map((_column, index) => rows.map((row) => row.values[index] ?? null));
}

function conflictAction({ columns, key, latestBy }: Table): string {
  if (latestBy === undefined) return 'DO NOTHING';
  const assignments = columns
    .filter(({ name }) => !key.includes(name))
    .map(({ name }) => `${quoteIdentifier(name)} = excluded.${quoteIdentifier(name)}`);
  const column = quoteIdentifier(latestBy.name);
  return [
    `DO UPDATE SET ${assignments.join(', ')}`,
    // A stored row without the column counts as the oldest; an equal one is kept, so a repeat changes nothing.
    `WHERE stored.${column} IS NULL OR excluded.${column} > stored.${column}`,
  ].join('\n');
}
