import { quoteIdentifier, quoteTable } from '@holdfast/internal';
import type { ColumnSpec } from '../rows/pg-types.ts';
import type { TableFacts } from './table-facts.ts';
import type { Table, UpdateOnConflict } from '../resolve-table.ts';

/** COPY takes the rows as they lie in the buffer. */
export function copyStatement(table: Table, target = quoteTable(table)): string {
  return `COPY ${target} (${names(table.columns)}) FROM STDIN (FORMAT ${table.format.name})`;
}

/** In the schema of temporary tables, which nobody else sees; gone at the end of the transaction, as a pooler needs it. */
const STAGING = 'pg_temp.holdfast_batch';

/**
 * A table for the rows of one batch, in front of the COPY into it. With the CHECK constraints of the table, so that COPY names
 * the line of a row that breaks one, unless a trigger may mend it; without the columns that are not written, whose defaults it
 * would not have.
 */
export function stagingStatements(
  table: Table,
  { otherColumns, hasTriggersInFront }: TableFacts,
): string {
  if (hasTriggersInFront) {
    return [
      `CREATE TEMP TABLE holdfast_batch ON COMMIT DROP AS SELECT ${names(table.columns)} FROM ${quoteTable(table)} WITH NO DATA`,
      copyStatement(table, STAGING),
    ].join('; ');
  }
  const others = otherColumns.map((name) => `DROP COLUMN ${quoteIdentifier(name)} CASCADE`);
  return [
    `CREATE TEMP TABLE holdfast_batch (LIKE ${quoteTable(table)} INCLUDING CONSTRAINTS) ON COMMIT DROP`,
    ...(others.length === 0 ? [] : [`ALTER TABLE ${STAGING} ${others.join(', ')}`]),
    copyStatement(table, STAGING),
  ].join('; ');
}

/**
 * Moves the rows on from the staging table. Its rows lie, and are read, in the order in which they were copied: nothing else
 * writes to it, and scans of temporary tables always begin at the first page.
 */
export function insertFromStaging(table: Table): string {
  return insertStatement(table, `SELECT ${names(table.columns)} FROM ${STAGING}`);
}

/**
 * One statement for any number of rows: an array a column, so the text does not depend on their number and stays far
 * from the protocol's 65 535 parameters.
 */
export function insertFromArrays(table: Table, facts: TableFacts): string {
  return insertStatement(
    table,
    `SELECT ${castNames(table, facts)} FROM unnest(${arrayParameters(table.columns)}) AS given (${names(table.columns)})`,
  );
}

/**
 * As `insertFromStaging`, with a row for each row that the table took: its place among those given, from 1. Needs a key, which
 * the table keeps.
 */
export function insertFromStagingTold(table: Table): string {
  return toldStatement(
    table,
    `SELECT ${names(table.columns)}, row_number() OVER () AS holdfast_place FROM ${STAGING}`,
  );
}

/** As `insertFromArrays`, with a row for each row that the table took: its place among those given, from 1. */
export function insertFromArraysTold(table: Table, facts: TableFacts): string {
  return toldStatement(
    table,
    `SELECT ${castNames(table, facts)}, holdfast_place FROM unnest(${arrayParameters(table.columns)}) WITH ORDINALITY AS given (${names(table.columns)}, holdfast_place)`,
  );
}

/**
 * A row of the table says its key, not where it came from: the place is found by joining the two. Of rows that have equal keys
 * although they look different (a collation that ignores case) the first is taken.
 */
function toldStatement(table: Table, source: string): string {
  const key = table.key.map(quoteIdentifier);
  const isSame = key.map((name) => `taken.${name} = given.${name}`).join(' AND ');
  const insert = insertStatement(table, `SELECT ${names(table.columns)} FROM given`);
  return [
    // Materialised: a second reading must give the same places.
    `WITH given AS MATERIALIZED (${source}),`,
    `taken AS (${insert} RETURNING ${key.map((name) => `stored.${name}`).join(', ')})`,
    `SELECT min(holdfast_place) AS place FROM given JOIN taken ON ${isSame}`,
    `GROUP BY ${key.map((name) => `taken.${name}`).join(', ')}`,
  ].join('\n');
}

function insertStatement(table: Table, source: string): string {
  return [
    `INSERT INTO ${quoteTable(table)} AS stored (${names(table.columns)})`,
    source,
    ...conflictClause(table),
  ].join('\n');
}

function conflictClause(table: Table): string[] {
  const { conflict, key } = table;
  if (conflict.action === 'error') return [];
  // With the target named: a conflict with another unique index is an error of that row, not a duplicate.
  const target = `ON CONFLICT (${key.map(quoteIdentifier).join(', ')})`;
  if (conflict.action === 'nothing') return [`${target} DO NOTHING`];
  const assignments = conflict.update.map(
    (name) => `${quoteIdentifier(name)} = excluded.${quoteIdentifier(name)}`,
  );
  return [`${target} DO UPDATE SET ${assignments.join(', ')}`, ...newerClause(conflict)];
}

/** A late row never overwrites a newer one. A stored row without the column counts as the oldest. */
function newerClause({ newerThan }: UpdateOnConflict): string[] {
  if (newerThan === undefined) return [];
  const column = quoteIdentifier(newerThan.column);
  const isNewer = newerThan.tie === 'replace' ? '>=' : '>';
  return [`WHERE stored.${column} IS NULL OR excluded.${column} ${isNewer} stored.${column}`];
}

/** An enum takes text only when told to; other types are left to the assignment, which does not cut what is too long. */
function castNames({ columns }: Table, { enums }: TableFacts): string {
  return columns
    .map(({ name }) => {
      const type = enums.get(name);
      return type === undefined ? quoteIdentifier(name) : `${quoteIdentifier(name)}::${type}`;
    })
    .join(', ');
}

function arrayParameters(columns: readonly ColumnSpec[]): string {
  return columns.map(({ type }, index) => `$${index + 1}::${type}[]`).join(', ');
}

function names(columns: readonly ColumnSpec[]): string {
  return columns.map(({ name }) => quoteIdentifier(name)).join(', ');
}
