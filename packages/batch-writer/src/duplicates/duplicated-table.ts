import { quoteTable } from '@holdfast/internal';
import { TableMismatchError } from '../errors.ts';
import type { BoundClient } from '../sending/bound-client.ts';
import { readCatalogue, requireWritable, type CatalogueTable } from '../sending/table-facts.ts';
import { readOperators, type ColumnOperators } from './column-operators.ts';
import { DuplicatesRefusedError, ServerReadOnlyError } from './duplicates-errors.ts';
import type { NamedTable, ResolvedDuplicatesOptions } from './duplicates-options.ts';

/** What the server says of the table, as far as its clean-up needs it. */
export interface DuplicatedTable {
  readonly oid: string;
  readonly schema: string;
  /** Quoted, with the schema. */
  readonly label: string;
  /** Estimated by the server; undefined when it has never counted. */
  readonly estimatedRows: number | undefined;
  /** What tells its rows apart: the columns of the primary key, or the place of the row. */
  readonly identity: 'place' | readonly string[];
  readonly columns: readonly string[];
  readonly archive: Archive | undefined;
  /** By column: of the key, the order and the identity. */
  readonly operators: ReadonlyMap<string, ColumnOperators>;
}

export interface Archive {
  readonly label: string;
  readonly isThere: boolean;
}

interface FactsRow {
  readonly oid: string;
  readonly schema: string;
  readonly name: string;
  readonly kind: string;
  readonly hasChildren: boolean;
  readonly rows: string;
  readonly primaryKey: readonly string[] | null;
  readonly isSecured: boolean;
  readonly cascadesToItself: boolean;
  readonly isReadOnly: boolean;
  readonly version: number;
}

/**
 * A table with children by inheritance has a primary key that does not hold for them. A deferrable one does not hold at every
 * moment.
 */
const SELECT_FACTS = `
  SELECT c.oid::text AS oid, n.nspname AS schema, c.relname AS name, c.relkind AS kind,
    EXISTS (SELECT FROM pg_inherits i WHERE i.inhparent = c.oid) AS "hasChildren",
    c.reltuples::int8::text AS rows,
    (SELECT json_agg(a.attname ORDER BY k.position)
      FROM pg_index i
      CROSS JOIN LATERAL unnest((string_to_array(i.indkey::text, ' ')::int2[])[:i.indnkeyatts])
        WITH ORDINALITY AS k (attnum, position)
      JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum
      WHERE i.indrelid = c.oid AND i.indisprimary AND i.indisvalid AND i.indimmediate) AS "primaryKey",
    row_security_active(c.oid) AS "isSecured",
    c.oid IN (
      WITH RECURSIVE reached AS (
        SELECT conrelid FROM pg_constraint WHERE confrelid = c.oid AND confdeltype = 'c'
        UNION
        SELECT f.conrelid FROM pg_constraint f JOIN reached ON f.confrelid = reached.conrelid
        WHERE f.confdeltype = 'c')
      SELECT conrelid FROM reached) AS "cascadesToItself",
    pg_is_in_recovery() OR current_setting('transaction_read_only') = 'on' AS "isReadOnly",
    current_setting('server_version_num')::int4 AS version
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = to_regclass($1)`;

/**
 * Reads the table from the catalogue and checks that the clean-up can be done as asked, before anything is written.
 *
 * Rejects with `TABLE_MISMATCH`, `DUPLICATES_REFUSED` or `SERVER_READ_ONLY`.
 */
export async function readDuplicatedTable(
  client: BoundClient,
  options: ResolvedDuplicatesOptions,
): Promise<DuplicatedTable> {
  const given = quoteTable(options);
  const found = await readCatalogue(client, given);
  const facts = (await client.query<FactsRow>(SELECT_FACTS, [given])).rows[0];
  if (facts === undefined) throw new TableMismatchError(given, 'there is no such table');
  const label = quoteTable({ schema: facts.schema, table: facts.name });
  checkColumns(label, found, options);
  checkFacts(label, facts, options);
  const isPartOfMany = facts.kind === 'r' && facts.hasChildren;
  const rows = Number(facts.rows);
  const identity = facts.primaryKey === null || isPartOfMany ? 'place' : facts.primaryKey;
  const compared = [...namedColumns(options), ...(identity === 'place' ? [] : identity)];
  return {
    oid: facts.oid,
    schema: facts.schema,
    label,
    estimatedRows: rows < 0 ? undefined : rows,
    identity,
    columns: found.columns.map(({ name }) => name),
    archive:
      options.archiveTo && (await readArchive(client, options.archiveTo, facts.schema, found)),
    operators: await readOperators(client, { oid: facts.oid, label }, compared),
  };
}

/** Quoted; a table that was named without a schema is in `schema`. */
export function quoteNamed(named: NamedTable, schema: string): string {
  return quoteTable({ schema: named.schema ?? schema, table: named.table });
}

function namedColumns({ key, keep }: ResolvedDuplicatesOptions): readonly string[] {
  return keep.column === undefined ? key : [...key, keep.column];
}

function checkColumns(
  label: string,
  { columns }: CatalogueTable,
  options: ResolvedDuplicatesOptions,
): void {
  const missing = namedColumns(options).find(
    (name) => !columns.some((column) => column.name === name),
  );
  if (missing === undefined) return;
  throw new TableMismatchError(label, `there is no column ${JSON.stringify(missing)}`);
}

function checkFacts(label: string, facts: FactsRow, options: ResolvedDuplicatesOptions): void {
  const { kind, hasChildren, isSecured, isReadOnly, cascadesToItself, version } = facts;
  const refuse = (reason: string): never => {
    throw new DuplicatesRefusedError(label, reason);
  };
  if (kind !== 'r' && kind !== 'p') refuse('it is no ordinary or partitioned table');
  if (isSecured) refuse('row-level security hides rows of it from this user');
  // A row that is to stay may refer to a duplicate, and would go with it.
  if (cascadesToItself) refuse('a foreign key with ON DELETE CASCADE leads from it to itself');
  if (isReadOnly && !options.dryRun) throw new ServerReadOnlyError(label);
  if (options.index === undefined) return;
  if (kind === 'p' || hasChildren) {
    refuse('a table with partitions or children cannot have an index built CONCURRENTLY');
  }
  if (options.nullsEqual && version < 150_000) {
    refuse('an index with NULLS NOT DISTINCT needs PostgreSQL 15');
  }
}

async function readArchive(
  client: BoundClient,
  named: NamedTable,
  schema: string,
  { columns }: CatalogueTable,
): Promise<Archive> {
  const label = quoteNamed(named, schema);
  const { rows } = await client.query<{ isThere: boolean }>(
    'SELECT to_regclass($1) IS NOT NULL AS "isThere"',
    [label],
  );
  const isThere = rows[0]?.isThere === true;
  if (isThere) {
    const archive = await readCatalogue(client, label);
    for (const { name } of columns) requireWritable(label, name, archive);
  }
  return { label, isThere };
}
