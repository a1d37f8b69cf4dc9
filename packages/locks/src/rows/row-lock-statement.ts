import { quoteIdentifier, quoteTable } from '@holdfast/internal';

export interface RowLockTarget {
  readonly table: string;
  readonly schema?: string | undefined;
  readonly idColumn: string;
  readonly mode: RowLockMode;
  readonly clause: '' | 'NOWAIT' | 'SKIP LOCKED';
}

/** The strengths of a row's lock, the strongest first (PostgreSQL manual, 13.3.2). */
export type RowLockMode = 'update' | 'no key update' | 'share' | 'key share';

export const ROW_LOCK_MODES = ['update', 'no key update', 'share', 'key share'] as const;

/** Spaces in their names: no columns of a row are called so, nor tables. */
export const POSITION = 'holdfast position';
export const OUTCOME = 'holdfast outcome';
const LOCKED = '"holdfast locked"';
const WANTED = '"holdfast wanted"';

/**
 * Locks the rows whose ids are in `$1`, an array, and answers for each different id with its first position there, from 1,
 * with what became of it, and with the row. `passed over`: it was there when the statement began, and is not locked.
 */
export function rowLockStatement(target: RowLockTarget): string {
  const table = quoteTable(target);
  const id = quoteIdentifier(target.idColumn);
  // FOR UPDATE comes after ORDER BY, so all callers lock in one order; by the id, because the sort comes before the wait
  // and what is sorted by must not change meanwhile (manual, SELECT, "The Locking Clause").
  // The array gets the type of the column where it is first compared with it.
  return `WITH ${LOCKED} AS MATERIALIZED (
      SELECT * FROM ${table} WHERE ${id} = ANY ($1)
      ORDER BY ${id} FOR ${target.mode.toUpperCase()} ${target.clause}
    ), ${WANTED} AS (
      SELECT id, min(position) AS position
      FROM unnest($1) WITH ORDINALITY AS each (id, position) GROUP BY id
    )
    SELECT ${WANTED}.position AS "${POSITION}",
      CASE WHEN ${LOCKED}.${id} IS NOT NULL THEN 'locked'
        WHEN EXISTS (SELECT FROM ${table} AS present WHERE present.${id} = ${WANTED}.id) THEN 'passed over'
        ELSE 'missing' END AS "${OUTCOME}",
      ${LOCKED}.*
    FROM ${WANTED} LEFT JOIN ${LOCKED} ON ${LOCKED}.${id} = ${WANTED}.id
    ORDER BY ${WANTED}.position`;
}
