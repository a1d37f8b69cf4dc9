import { quoteIdentifier } from '@holdfast/internal';
import { OWN_OPERATORS, type ColumnOperators } from './column-operators.ts';
import type { DuplicatedTable } from './duplicated-table.ts';
import type { ResolvedDuplicatesOptions } from './duplicates-options.ts';

/** The statements of one clean-up. `t` is the table in each of them, also in the caller's condition. */
export interface DuplicateStatements {
  /** Every duplicate, in the order of the heap, with its identity, that of the row that stays, and the key as text. */
  readonly victimsAsText: string;
  /** Makes the table of victims. */
  readonly createWork: string;
  /** $1 and $2: the range of victims, from behind the first to the second; $3: the run. */
  readonly deleteChunk: string;
}

/** A column of the identity. */
export interface IdentityPart {
  readonly name: string;
  /** SQL over `t`. */
  readonly sql: string;
  /** False for what cannot be ordered by. */
  readonly isOrdered: boolean;
  readonly operators: ColumnOperators;
}

/**
 * A place is used again when its row is gone, so the transaction that wrote the row belongs to it. It also stands in for the
 * place where the server looks again at a row that was updated meanwhile: a TID scan does not compare ctid then (nodeTidscan.c).
 */
const PLACE: readonly IdentityPart[] = [
  { name: 'tableoid', sql: 't.tableoid', isOrdered: true, operators: OWN_OPERATORS },
  { name: 'ctid', sql: 't.ctid', isOrdered: true, operators: OWN_OPERATORS },
  { name: 'xmin', sql: 't.xmin', isOrdered: false, operators: OWN_OPERATORS },
];

export function identityParts(table: DuplicatedTable): readonly IdentityPart[] {
  const { identity } = table;
  if (identity === 'place') return PLACE;
  return identity.map((name) => ({
    ...{ name, sql: column(name), isOrdered: true, operators: operatorsOf(table, name) },
  }));
}

function operatorsOf({ operators }: DuplicatedTable, name: string): ColumnOperators {
  // They are read for every column that is compared.
  return operators.get(name) ?? OWN_OPERATORS;
}

export function duplicateStatements(
  table: DuplicatedTable,
  options: ResolvedDuplicatesOptions,
  work: string,
): DuplicateStatements {
  const parts = identityParts(table);
  const judged = judgedRows(table, options, parts);
  const victims = parts.map((_, at) => `hf_d${at}`);
  const kept = parts.map((_, at) => `hf_k${at}`);
  const asText = (columns: readonly string[]): string =>
    `ARRAY[${columns.map((name) => `${name}::text`).join(', ')}]`;
  return {
    victimsAsText:
      `SELECT hf_nth, hf_oid, hf_place, ${asText(victims)} AS victim, ${asText(kept)} AS kept, ` +
      `${asText(options.key.map((_, at) => `hf_c${at}`))} AS key FROM (${judged}) AS judged WHERE hf_nth > 1`,
    createWork:
      `CREATE UNLOGGED TABLE ${work} AS ` +
      // Neighbours in the heap are deleted together: each page is written once.
      `SELECT row_number() OVER (ORDER BY hf_oid, hf_place) AS hf_seq, hf_nth, ${[...victims, ...kept].join(', ')} ` +
      `FROM (${judged}) AS judged WHERE hf_nth > 1 ORDER BY 1`,
    deleteChunk: deleteChunk(table, options, work, parts),
  };
}

/** Every row with its number in its key, and the identity of the first one. */
function judgedRows(
  { label }: DuplicatedTable,
  { key, keep, nullsEqual, where }: ResolvedDuplicatesOptions,
  parts: readonly IdentityPart[],
): string {
  const columns = key.map(column);
  const direction = keep.direction === 'asc' ? 'ASC' : 'DESC';
  const byIdentity = parts
    .filter(({ isOrdered }) => isOrdered)
    .map(({ sql }) => `${sql} ${direction}`);
  const order =
    keep.column === undefined
      ? byIdentity
      : [`${column(keep.column)} ${direction} NULLS LAST`, ...byIdentity];
  // PARTITION BY holds NULLs equal, a unique index does not.
  const conditions = [
    ...(nullsEqual ? [] : columns.map((name) => `${name} IS NOT NULL`)),
    ...conditionOf(where),
  ];
  return (
    `SELECT t.tableoid AS hf_oid, t.ctid AS hf_place, row_number() OVER hf_w AS hf_nth, ` +
    [
      ...parts.map(({ sql }, at) => `${sql} AS hf_d${at}`),
      ...parts.map(({ sql }, at) => `first_value(${sql}) OVER hf_w AS hf_k${at}`),
      ...columns.map((name, at) => `${name} AS hf_c${at}`),
    ].join(', ') +
    ` FROM ${label} AS t${conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`}` +
    ` WINDOW hf_w AS (PARTITION BY ${columns.join(', ')} ORDER BY ${order.join(', ')} ` +
    // The default frame compares each row with its peers.
    `ROWS UNBOUNDED PRECEDING)`
  );
}

/**
 * Deletes the victims of a range that still are duplicates: the row that stays is there and has their key, and it comes
 * before them in the order. It is locked, for a transaction that would delete it or change its key may not have ended;
 * FOR KEY SHARE is not enough, because the key has no unique index yet. Victims that have been changed meanwhile are judged
 * again by the server when it has waited for them (PostgreSQL manual 13.2.1). How far the run has come is written in the same
 * transaction, so that it is right after a lost answer or a crash of the program.
 */
function deleteChunk(
  table: DuplicatedTable,
  { key, keep, nullsEqual, where }: ResolvedDuplicatesOptions,
  work: string,
  parts: readonly IdentityPart[],
): string {
  const { label, columns, archive } = table;
  const is = (side: string): string =>
    parts.map(({ sql, operators }, at) => `${sql} ${operators.equal} ${side}${at}`).join(' AND ');
  const order = keep.column === undefined ? undefined : column(keep.column);
  const shown = [
    ...parts.flatMap((_, at) => [`chunk.hf_d${at}`, `chunk.hf_k${at}`]),
    ...key.map((name, at) => `${column(name)} AS hf_c${at}`),
    ...(order === undefined ? [] : [`${order} AS hf_o`]),
  ];
  const conditions = [
    is('kept.hf_d'),
    ...key.map((name, at) => {
      const { equal } = operatorsOf(table, name);
      const sides = [column(name), `kept.hf_c${at}`] as const;
      return nullsEqual ? isSame(equal, ...sides) : sides.join(` ${equal} `);
    }),
    ...(keep.column === undefined ? [] : [comesFirst(table, keep.column, parts, keep.direction)]),
    ...conditionOf(where),
  ];
  const names = columns.map(quoteIdentifier).join(', ');
  return (
    `WITH chunk AS MATERIALIZED (SELECT * FROM ${work} WHERE hf_seq > $1 AND hf_seq <= $2), ` +
    `kept AS MATERIALIZED (SELECT ${shown.join(', ')} FROM chunk JOIN ${label} AS t ON ` +
    `${[is('chunk.hf_k'), ...conditionOf(where)].join(' AND ')} FOR SHARE OF t), ` +
    `gone AS (DELETE FROM ${label} AS t USING kept WHERE ${conditions.join(' AND ')} ` +
    `RETURNING ${archive === undefined ? '1' : `t.*`}), ` +
    (archive === undefined
      ? ''
      : `archived AS (INSERT INTO ${archive.label} (${names}) SELECT ${names} FROM gone), `) +
    `tally AS (UPDATE ${work} SET hf_position = $2, hf_deleted = hf_deleted + (SELECT count(*) FROM gone) ` +
    `WHERE hf_seq = 0 AND hf_run = $3 AND hf_position = $1 RETURNING hf_deleted) ` +
    `SELECT hf_deleted::text AS deleted FROM tally`
  );
}

/** IS NOT DISTINCT FROM, which takes no operator by name. */
function isSame(equal: string, a: string, b: string): string {
  return `(${a} ${equal} ${b} OR (${a} IS NOT DISTINCT FROM NULL AND ${b} IS NOT DISTINCT FROM NULL))`;
}

/** The row that stays comes before `t` in the order of a column, NULLs last, and of the identity where they are equal. */
function comesFirst(
  table: DuplicatedTable,
  orderBy: string,
  parts: readonly IdentityPart[],
  direction: 'asc' | 'desc',
): string {
  const side = direction === 'asc' ? 'before' : 'behind';
  const order = column(orderBy);
  const operators = operatorsOf(table, orderBy);
  const ties = parts
    .map(({ sql, isOrdered, operators }, at) => ({
      sql,
      isOrdered,
      operators,
      kept: `kept.hf_k${at}`,
    }))
    .filter(({ isOrdered }) => isOrdered)
    .reduceRight<string | undefined>((rest, { sql, operators, kept }) => {
      const comes = `${kept} ${operators[side]} ${sql}`;
      return rest === undefined
        ? comes
        : `(${comes} OR (${kept} ${operators.equal} ${sql} AND ${rest}))`;
    }, undefined);
  return (
    `(kept.hf_o ${operators[side]} ${order} OR (${order} IS NULL AND kept.hf_o IS NOT NULL) OR ` +
    `(${isSame(operators.equal, 'kept.hf_o', order)} AND ${ties ?? 'true'}))`
  );
}

/** On lines of its own: it may end in a comment. */
function conditionOf(where: string | undefined): string[] {
  return where === undefined ? [] : [`(\n${where}\n)`];
}

function column(name: string): string {
  return `t.${quoteIdentifier(name)}`;
}
