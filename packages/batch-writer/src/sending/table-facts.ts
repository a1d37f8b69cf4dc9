import { quoteTable } from '@holdfast/internal';
import { TableMismatchError } from '../errors.ts';
import type { Table } from '../resolve-table.ts';
import type { QueryResultLike } from '../ports.ts';
import { pgTypeOf } from '../rows/codecs.ts';
import type { ColumnSpec, PgType } from '../rows/pg-types.ts';
import type { BoundClient } from './bound-client.ts';

/** What the catalogue says of a table, beyond what was declared. */
export interface TableFacts {
  /** False for a view, and where row-level security refuses COPY. */
  readonly bearsCopy: boolean;
  /** A trigger may change a row, or swallow it, before the constraints of the table see it. */
  readonly hasTriggersInFront: boolean;
  /** A stored row has the key that was given: no trigger changes it, and no limited type rounds or pads it. */
  readonly keepsKeys: boolean;
  /** Columns that are not written. */
  readonly otherColumns: readonly string[];
  /** By column, the name of its enum type, quoted. */
  readonly enums: ReadonlyMap<string, string>;
}

export interface CatalogueColumn {
  readonly name: string;
  /** Of the base type of a domain. */
  readonly oid: number;
  /** As SQL writes it. */
  readonly type: string;
  readonly isEnum: boolean;
  /** A value may be stored as another one: `numeric(10, 2)`, `timestamptz(3)`, `char(5)`. */
  readonly mayRound: boolean;
  /** Its values come from the table itself. */
  readonly isGenerated: boolean;
}

export interface CatalogueTable {
  readonly kind: string;
  readonly isSecured: boolean;
  readonly hasTriggersInFront: boolean;
  readonly columns: readonly CatalogueColumn[];
  /** The columns of each unique index that ON CONFLICT can name. */
  readonly uniqueKeys: readonly (readonly string[])[];
}

/**
 * Triggers FOR EACH ROW, BEFORE, INSERT or UPDATE (PostgreSQL source, pg_trigger.h), also of a partition alone; a view may hide
 * any. What may round is all that is limited, but varchar, which refuses, and all domains, which may be; name cuts.
 *
 * One question, one row; none when the table is not there. A unique index counts when it is valid, whole, of plain columns
 * and checked at once (PostgreSQL manual, INSERT, conflict_target).
 */
const SELECT_TABLE = `
  SELECT c.relkind AS kind, row_security_active(c.oid) AS "isSecured",
    c.relkind = 'v' OR EXISTS (
      WITH RECURSIVE target AS (SELECT c.oid
        UNION ALL SELECT p.oid FROM target JOIN pg_inherits i ON i.inhparent = target.oid
          JOIN pg_class p ON p.oid = i.inhrelid AND p.relispartition)
      SELECT FROM target JOIN pg_trigger g ON g.tgrelid = target.oid
      WHERE NOT g.tgisinternal AND g.tgenabled <> 'D' AND g.tgtype & 3 = 3 AND g.tgtype & 20 <> 0) AS "hasTriggersInFront",
    (SELECT coalesce(json_agg(json_build_object(
        'name', a.attname,
        'oid', coalesce(base.oid, t.oid)::int8,
        'type', format_type(a.atttypid, a.atttypmod),
        'isEnum', coalesce(base.typtype, t.typtype) = 'e',
        'mayRound', t.typtype = 'd' OR t.oid = 19 OR a.atttypmod >= 0 AND t.oid <> 1043,
        'isGenerated', a.attgenerated <> '' OR a.attidentity = 'a') ORDER BY a.attnum), '[]')
      FROM pg_attribute a
      JOIN pg_type t ON t.oid = a.atttypid
      LEFT JOIN LATERAL (
        WITH RECURSIVE d AS (SELECT t.oid, t.typtype, t.typbasetype
          UNION ALL SELECT n.oid, n.typtype, n.typbasetype FROM d JOIN pg_type n ON n.oid = d.typbasetype)
        SELECT oid, typtype FROM d WHERE typtype <> 'd') base ON true
      WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns,
    (SELECT coalesce(json_agg(k.names), '[]') FROM (
      SELECT (SELECT json_agg(a.attname) FROM pg_attribute a
          WHERE a.attrelid = c.oid AND a.attnum = ANY ((string_to_array(i.indkey::text, ' ')::int2[])[:i.indnkeyatts])) AS names
      FROM pg_index i
      WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indimmediate
        AND i.indpred IS NULL AND i.indexprs IS NULL) k) AS "uniqueKeys"
  FROM pg_class c WHERE c.oid = to_regclass($1)`;

/**
 * Compares what was declared with the catalogue, before the first row is sent.
 *
 * @throws {TableMismatchError} naming what differs.
 */
export async function readTableFacts(client: BoundClient, table: Table): Promise<TableFacts> {
  const found = await readCatalogue(client, quoteTable(table));
  for (const column of table.columns) checkColumn(table, column, found);
  const isView = found.kind === 'v';
  if (table.key.length > 0 && !isView && table.conflict.action !== 'error') checkKey(table, found);
  const written = new Set(table.columns.map(({ name }) => name));
  return {
    bearsCopy: !isView && !found.isSecured,
    hasTriggersInFront: found.hasTriggersInFront,
    keepsKeys:
      !found.hasTriggersInFront &&
      !found.columns.some(({ name, mayRound }) => mayRound && table.key.includes(name)),
    otherColumns: found.columns.flatMap(({ name }) => (written.has(name) ? [] : [name])),
    enums: new Map(
      found.columns.flatMap(({ name, type, isEnum }) => (isEnum ? [[name, type] as const] : [])),
    ),
  };
}

function checkColumn(table: Table, { name, type }: ColumnSpec, found: CatalogueTable): void {
  const column = requireWritable(table.label, name, found);
  if (type === 'unknown' || typeOf(column) === type) return;
  throw new TableMismatchError(
    table.label,
    `column ${JSON.stringify(name)} is of type ${column.type}, not ${type}`,
  );
}

/** How the values of a column are sent: those that are like text in the form of text. */
export function typeOf({ oid, isEnum }: CatalogueColumn): PgType {
  return isEnum || TEXTUAL.has(oid) ? 'text' : (pgTypeOf(oid) ?? 'unknown');
}

/** @throws {TableMismatchError} when the table has no such column, or makes its values itself. */
export function requireWritable(
  label: string,
  name: string,
  { columns }: CatalogueTable,
): CatalogueColumn {
  const column = columns.find((one) => one.name === name);
  const quoted = JSON.stringify(name);
  if (column === undefined) throw new TableMismatchError(label, `there is no column ${quoted}`);
  if (!column.isGenerated) return column;
  throw new TableMismatchError(label, `column ${quoted} is generated always, it cannot be written`);
}

/** @throws {TableMismatchError} when there is no such table. */
export async function readCatalogue(
  client: CatalogueClient,
  label: string,
): Promise<CatalogueTable> {
  const found = await findInCatalogue(client, label);
  if (found !== undefined) return found;
  const isOneName = /^"[^"]+\.[^"]+"$/.test(label);
  const hint = isOneName ? ' with a dot in its name; its schema is the option schema' : '';
  throw new TableMismatchError(label, `there is no such table${hint}`);
}

/** Undefined when there is no such table. */
export async function findInCatalogue(
  client: CatalogueClient,
  label: string,
): Promise<CatalogueTable | undefined> {
  return (await client.query<CatalogueTable>(SELECT_TABLE, [label])).rows[0];
}

interface CatalogueClient {
  query<Row extends object>(text: string, values: unknown[]): Promise<QueryResultLike<Row>>;
}

/** varchar, char(n), name. */
const TEXTUAL: ReadonlySet<number> = new Set([1043, 1042, 19]);

function checkKey({ label, key }: Table, { uniqueKeys }: CatalogueTable): void {
  const isSame = (names: readonly string[]): boolean =>
    names.length === key.length && names.every((name) => key.includes(name));
  if (uniqueKeys.some(isSame)) return;
  const named = key.map((name) => JSON.stringify(name)).join(', ');
  throw new TableMismatchError(
    label,
    `the key (${named}) is not that of a unique index: one that is valid, not partial, not deferrable, of plain columns`,
  );
}
