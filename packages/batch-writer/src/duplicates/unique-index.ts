import { quoteIdentifier, quoteTable, sleep } from '@holdfast/internal';
import { sqlstateOf } from '../classify.ts';
import { useClient, type ClientUse } from '../sending/client-use.ts';
import type { DuplicatedTable } from './duplicated-table.ts';
import { DuplicatesRefusedError } from './duplicates-errors.ts';
import { runLongStatement } from './long-statement.ts';

export interface WantedIndex {
  readonly table: DuplicatedTable;
  readonly name: string;
  readonly key: readonly string[];
  readonly nullsEqual: boolean;
}

/** Undefined when there is none of the name; `invalid` when building it has failed and nobody has dropped it. */
type FoundIndex = 'valid' | 'invalid' | undefined;

interface IndexRow {
  readonly isSame: boolean;
  readonly isValid: boolean;
}

/**
 * Whatever has the name in the schema, and whether it is a unique index on just the key: the columns in any order, none more,
 * no condition. `indnullsnotdistinct` is new in PostgreSQL 15, so it is read in a way that older ones understand.
 */
const SELECT_INDEX = `
  SELECT i.indexrelid IS NOT NULL AND i.indrelid = $3::oid AND i.indisunique AND i.indpred IS NULL
      AND i.indexprs IS NULL AND i.indimmediate
      AND coalesce((to_jsonb(i) ->> 'indnullsnotdistinct')::bool, false) = $5
      AND (SELECT array_agg(a.attname::text ORDER BY a.attname::text)
        FROM pg_attribute a WHERE a.attrelid = i.indrelid
          AND a.attnum = ANY ((string_to_array(i.indkey::text, ' ')::int2[])[:i.indnkeyatts]))
        = (SELECT array_agg(k ORDER BY k) FROM unnest($4::text[]) AS k) AS "isSame",
    coalesce(i.indisvalid, false) AS "isValid"
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_index i ON i.indexrelid = c.oid
  WHERE n.nspname = $1 AND c.relname = $2`;

interface Writing {
  readonly id: string;
}

/** The transactions of this database that write something, or what is left of some of them. */
const SELECT_WRITING = `
  SELECT l.transactionid::text AS id FROM pg_locks l JOIN pg_stat_activity a USING (pid)
  WHERE l.locktype = 'transactionid' AND l.mode = 'ExclusiveLock' AND l.granted AND a.datname = current_database()
    AND ($1::text[] IS NULL OR l.transactionid::text = ANY ($1))`;
const LOOK_MS = 20;

/**
 * Whether the index is there. An INVALID one is waited for, for another run may be building it; when nobody is, it was left by one
 * that was killed, and is dropped.
 *
 * Rejects with `DUPLICATES_REFUSED` when the name belongs to something else.
 */
export async function hasIndex(use: ClientUse, wanted: WantedIndex): Promise<boolean> {
  let found = await findIndex(use, wanted);
  if (found === 'invalid') {
    await untilNobodyBuilds(use, wanted);
    found = await findIndex(use, wanted);
  }
  if (found === 'invalid') await dropIndex(use, wanted);
  return found === 'valid';
}

/**
 * Building an index CONCURRENTLY keeps a lock that conflicts with itself, and with no reader or writer (PostgreSQL manual 13.3.1).
 * The server lets go of it just before it commits that the index is valid, so those that write at that moment are waited for, too.
 */
async function untilNobodyBuilds(use: ClientUse, { table }: WantedIndex): Promise<void> {
  await runLongStatement(use, async (client) => {
    await client.query(
      `BEGIN; LOCK TABLE ONLY ${table.label} IN SHARE UPDATE EXCLUSIVE MODE; COMMIT`,
    );
    let writing = (await client.query<Writing>(SELECT_WRITING, [null])).rows;
    while (writing.length > 0) {
      await sleep(LOOK_MS, { clock: use.clock, signal: use.signal });
      const ids = writing.map(({ id }) => id);
      writing = (await client.query<Writing>(SELECT_WRITING, [ids])).rows;
    }
  });
}

async function findIndex(use: ClientUse, wanted: WantedIndex): Promise<FoundIndex> {
  const { table, name, key, nullsEqual } = wanted;
  const { rows } = await useClient(use, (client) =>
    client.query<IndexRow>(SELECT_INDEX, [table.schema, name, table.oid, key, nullsEqual]),
  );
  const row = rows[0];
  if (row === undefined) return undefined;
  if (row.isSame) return row.isValid ? 'valid' : 'invalid';
  throw new DuplicatesRefusedError(
    table.label,
    `${indexLabel(wanted)} is there and is no unique index on this key`,
  );
}

/**
 * Builds the index. False when rows with equal keys, or a deadlock, have stopped it. What fails, also by the signal, leaves no
 * INVALID index behind.
 */
export async function buildIndex(use: ClientUse, wanted: WantedIndex): Promise<boolean> {
  const { table, name, key, nullsEqual } = wanted;
  const columns = key.map(quoteIdentifier).join(', ');
  const nulls = nullsEqual ? ' NULLS NOT DISTINCT' : '';
  const statement = `CREATE UNIQUE INDEX CONCURRENTLY ${quoteIdentifier(name)} ON ${table.label} (${columns})${nulls}`;
  try {
    await runLongStatement(use, (client) => client.query(statement));
    return true;
  } catch (error) {
    // Told to stop does not mean to leave it: no signal here.
    const rest = { ...use, signal: new AbortController().signal };
    try {
      const found = await findIndex(rest, wanted);
      // It was ready before it could be stopped, or the answer was lost.
      if (found === 'valid') return true;
      if (found === 'invalid') await dropIndex(rest, wanted);
    } catch {
      // The server is away; the next run drops it.
      throw error;
    }
    const state = sqlstateOf(error);
    if (state === '23505' || state === '40P01') return false;
    throw error;
  }
}

async function dropIndex(use: ClientUse, wanted: WantedIndex): Promise<void> {
  await runLongStatement(use, (client) =>
    client.query(`DROP INDEX CONCURRENTLY IF EXISTS ${indexLabel(wanted)}`),
  );
}

function indexLabel({ table, name }: WantedIndex): string {
  return quoteTable({ schema: table.schema, table: name });
}
