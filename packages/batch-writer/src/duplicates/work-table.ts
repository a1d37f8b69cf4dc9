import { createHash } from 'node:crypto';
import { quoteTable } from '@holdfast/internal';
import type { BoundClient } from '../sending/bound-client.ts';
import { quoteNamed, type DuplicatedTable } from './duplicated-table.ts';
import { DuplicatesRefusedError, DuplicatesTakenOverError } from './duplicates-errors.ts';
import type { ResolvedDuplicatesOptions } from './duplicates-options.ts';
import type { DuplicateStatements } from './statements.ts';

/**
 * The table of victims. One row a duplicate, numbered in the order of the heap from 1 (`hf_seq`), with its identity (`hf_d…`)
 * and that of the row that stays (`hf_k…`). Row 0 is the state of the clean-up: what the scan has found, how far the deletes
 * have come, and which run goes on with it. Its comment says of which clean-up it is. It is unlogged: a
 * crash of the server empties it, row 0 too, and the next run scans again.
 */
export interface WorkState {
  readonly groups: number;
  readonly duplicates: number;
  /** By all runs. */
  readonly deleted: number;
  /** Victims up to this number are dealt with. */
  readonly position: number;
}

export interface OpenedWork extends WorkState {
  readonly isResumed: boolean;
}

interface StateRow {
  readonly groups: string | null;
  readonly duplicates: string;
  readonly deleted: string;
  readonly run: string;
  readonly position: string;
}

export function workLabel(
  table: DuplicatedTable,
  { workTable }: ResolvedDuplicatesOptions,
  hash: string,
): string {
  if (workTable !== undefined) return quoteNamed(workTable, table.schema);
  return quoteTable({ schema: table.schema, table: `holdfast_duplicates_${hash}` });
}

/** The same for the same clean-up of the same table. */
export function cleanUpHash(
  { oid, identity }: DuplicatedTable,
  { key, keep, nullsEqual, where }: ResolvedDuplicatesOptions,
): string {
  const rules = JSON.stringify({ oid, identity, key, keep, nullsEqual, where });
  return createHash('sha256').update(rules).digest('hex').slice(0, 16);
}

export interface WorkContext {
  readonly table: DuplicatedTable;
  readonly statements: DuplicateStatements;
  /** Quoted, with the schema. */
  readonly work: string;
  readonly hash: string;
  /** Of this run alone. */
  readonly run: string;
}

/**
 * Takes over what an earlier run has left, or scans. One transaction, so that a table that is there is whole. Of runs that begin
 * together one scans, and the others go on with what it has found.
 */
export async function openWork(client: BoundClient, context: WorkContext): Promise<OpenedWork> {
  const { table, statements, work, hash, run } = context;
  return client.transaction(async () => {
    await beginAlone(client, context);
    // Also when an earlier run has scanned: it may have kept no archive.
    if (table.archive?.isThere === false) {
      await client.query(`CREATE TABLE IF NOT EXISTS ${table.archive.label} (LIKE ${table.label})`);
    }
    if (await isLeftOver(client, context)) {
      await client.query(`UPDATE ${work} SET hf_run = $1 WHERE hf_seq = 0`, [run]);
      const state = await readState(client, context);
      if (state !== undefined) {
        await client.query('COMMIT');
        return { ...state, isResumed: true };
      }
      await client.query(`DROP TABLE ${work}`);
    }
    await client.query(statements.createWork);
    await client.query(
      `ALTER TABLE ${work} ADD hf_groups int8, ADD hf_total int8, ADD hf_position int8, ADD hf_deleted int8, ADD hf_run text`,
    );
    await client.query(
      `INSERT INTO ${work} (hf_seq, hf_groups, hf_total, hf_position, hf_deleted, hf_run) ` +
        // Each group has exactly one second row.
        `SELECT 0, count(*) FILTER (WHERE hf_nth = 2), count(*), 0, 0, $1 FROM ${work}`,
      [run],
    );
    await client.query(`CREATE UNIQUE INDEX ON ${work} (hf_seq)`);
    await client.query(`COMMENT ON TABLE ${work} IS '${noteOf(hash)}'`);
    const state = await readState(client, context);
    await client.query('COMMIT');
    if (state === undefined) throw new DuplicatesTakenOverError(table.label);
    return { ...state, isResumed: false };
  });
}

/** Drops the table when all of it is dealt with. Rejects with `DUPLICATES_TAKEN_OVER` when it is another run's by now. */
export async function closeWork(client: BoundClient, context: WorkContext): Promise<void> {
  const { table, work } = context;
  await client.transaction(async () => {
    await beginAlone(client, context);
    if (!(await isLeftOver(client, context))) throw new DuplicatesTakenOverError(table.label);
    await readState(client, context);
    await client.query(`DROP TABLE ${work}`);
    await client.query('COMMIT');
  });
}

/** Begins a transaction, and waits until no other run makes or drops the table. The lock ends with the transaction. */
async function beginAlone(client: BoundClient, { work }: WorkContext): Promise<void> {
  await client.begin('BEGIN ISOLATION LEVEL READ COMMITTED');
  await client.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [
    `holdfast duplicates ${work}`,
  ]);
}

/**
 * Undefined when the table is empty: the server has crashed since. It waits for a transaction that has moved the state and not
 * ended: the answer to a COMMIT may be lost before the server has done it.
 */
export async function readState(
  client: BoundClient,
  { table, work, run }: WorkContext,
): Promise<WorkState | undefined> {
  const { rows } = await client.query<StateRow>(
    `SELECT hf_groups::text AS groups, hf_total::text AS duplicates, hf_deleted::text AS deleted, hf_run AS run, hf_position::text AS position ` +
      `FROM ${work} WHERE hf_seq = 0 FOR UPDATE`,
  );
  const row = rows[0];
  if (row === undefined) return undefined;
  if (row.run !== run) throw new DuplicatesTakenOverError(table.label);
  return {
    groups: Number(row.groups),
    duplicates: Number(row.duplicates),
    deleted: Number(row.deleted),
    position: Number(row.position),
  };
}

/** Whether the table is there. Rejects when it is not of this clean-up. */
export async function isLeftOver(
  client: BoundClient,
  { table, work, hash }: WorkContext,
): Promise<boolean> {
  const { rows } = await client.query<{ isThere: boolean; note: string | null }>(
    `SELECT to_regclass($1) IS NOT NULL AS "isThere", obj_description(to_regclass($1), 'pg_class') AS note`,
    [work],
  );
  if (rows[0]?.isThere !== true) return false;
  if (rows[0].note === noteOf(hash)) return true;
  throw new DuplicatesRefusedError(
    table.label,
    `table ${work} is there and does not hold the duplicates of this clean-up`,
  );
}

function noteOf(hash: string): string {
  return `holdfast duplicates 1 ${hash}`;
}
