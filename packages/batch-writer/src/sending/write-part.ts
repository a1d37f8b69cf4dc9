import { bytesOf, type Batch, type Range } from '../blocks/batch.ts';
import { AnswerLostError, RowsUntoldError } from '../errors.ts';
import { bearsUnnest, type ResolvedOptions } from '../options.ts';
import type { QueryResultLike } from '../ports.ts';
import type { BoundClient } from './bound-client.ts';
import { columnArrays } from './column-arrays.ts';
import { CopyIn } from './copy-in.ts';
import { ledgerInsert } from './ledger.ts';
import { rowCount, type Part, type Sent } from './part.ts';
import {
  copyStatement,
  insertFromArrays,
  insertFromArraysTold,
  insertFromStaging,
  insertFromStagingTold,
  stagingStatements,
} from './statements.ts';
import type { TableFacts } from './table-facts.ts';
import { SELECT_WHEREABOUTS, toWhereabouts } from './whereabouts.ts';

export interface WriteContext {
  readonly options: Pick<ResolvedOptions, 'table' | 'exactlyOnce' | 'path'>;
  readonly facts: TableFacts;
  /** Statements that are run in front, in the same transaction. */
  readonly before: readonly string[];
}

/**
 * Writes a part with COPY, straight into the table: one message and one answer. The end of the data is sent when the number
 * of the transaction is known, so the question what became of it can always be asked.
 */
export async function copyPart(
  client: BoundClient,
  part: Part,
  context: WriteContext,
): Promise<Sent> {
  // How many rows a trigger has swallowed must be known before the commit, whose answer may be lost.
  if (context.facts.hasTriggersInFront || isTelling(part)) {
    return copyCounted(client, part, context);
  }
  const { table, exactlyOnce } = context.options;
  const count = rowCount(part);
  const copyIn = new CopyIn(
    [
      ...context.before,
      ...(typeof exactlyOnce === 'object'
        ? [ledgerInsert(exactlyOnce.ledger, part.batch, part, count)]
        : []),
      ...(exactlyOnce === 'xact-status' ? [SELECT_WHEREABOUTS] : []),
      copyStatement(table),
    ].join('; '),
    copyData(part.batch, part, table.format.name),
  );
  try {
    const { copied } = await client.copy(copyIn);
    return { stored: copied, storedRows: undefined };
  } catch (error) {
    if (!copyIn.isFinishing || client.hasAnswer) throw error;
    const sent = { stored: count, storedRows: undefined };
    part.doubt = { where: copyIn.row && toWhereabouts(copyIn.row), sent, questions: 0 };
    throw new AnswerLostError(table.label, error);
  }
}

function copyCounted(client: BoundClient, part: Part, context: WriteContext): Promise<Sent> {
  const { table } = context.options;
  return inTransaction(client, part, context, async (begin) => {
    const { row, copied } = await client.copy(
      new CopyIn(
        [...begin, copyStatement(table)].join('; '),
        copyData(part.batch, part, table.format.name),
      ),
    );
    return { row, sent: { stored: copied, storedRows: undefined } };
  });
}

/** Writes a part with INSERT … ON CONFLICT: from arrays, or from a table that it has been copied to. */
export function insertPart(client: BoundClient, part: Part, context: WriteContext): Promise<Sent> {
  const { facts, options } = context;
  const isTold = isTelling(part) && facts.keepsKeys && options.table.conflict.action !== 'error';
  return inTransaction(client, part, context, async (begin) => {
    const { row, result } = goesByArrays(part, context)
      ? await insertArrays(client, part, { begin, isTold, context })
      : await insertStaged(client, part, { begin, isTold, context });
    if (!isTold) return { row, sent: { stored: result.rowCount ?? 0, storedRows: undefined } };
    const storedRows = new Set(result.rows.map(({ place }) => Number(place) - 1));
    return { row, sent: { stored: storedRows.size, storedRows } };
  });
}

interface Written {
  /** What the last statement of `begin` has given. */
  readonly row: readonly (string | null)[] | undefined;
  readonly sent: Sent;
}

/** Runs `write`, whose statements begin with those that it is given, and commits what it wrote. */
function inTransaction(
  client: BoundClient,
  part: Part,
  { options: { table, exactlyOnce }, before }: WriteContext,
  write: (begin: readonly string[]) => Promise<Written>,
): Promise<Sent> {
  return client.transaction(async () => {
    const begin = ['BEGIN', ...before];
    if (exactlyOnce === 'xact-status') begin.push(SELECT_WHEREABOUTS);
    const { row, sent } = await write(begin);
    // Rolled back, to be written in halves: alone, each row is told.
    if (isTelling(part) && !isToldOfEach(part, sent)) throw new RowsUntoldError(table.label);
    if (typeof exactlyOnce === 'object') {
      await client.query(ledgerInsert(exactlyOnce.ledger, part.batch, part, sent.stored));
    }
    try {
      await client.query('COMMIT');
      return sent;
    } catch (error) {
      if (client.hasAnswer) throw error;
      part.doubt = { where: row && toWhereabouts(row), sent, questions: 0 };
      throw new AnswerLostError(table.label, error);
    }
  });
}

interface Place {
  readonly place: string | number;
}

interface Insertion {
  readonly begin: readonly string[];
  readonly isTold: boolean;
  readonly context: WriteContext;
}

interface Inserted {
  readonly row: Written['row'];
  readonly result: QueryResultLike<Place>;
}

async function insertArrays(
  client: BoundClient,
  part: Part,
  { begin, isTold, context: { options, facts } }: Insertion,
): Promise<Inserted> {
  const { table } = options;
  if (table.format.name !== 'binary') throw new Error('arrays are made of binary rows only');
  const row = await client.begin(begin.join('; '));
  const statement = isTold ? insertFromArraysTold(table, facts) : insertFromArrays(table, facts);
  const arrays = columnArrays(part.batch, part, table.columns, table.format);
  return { row, result: await client.query<Place>(statement, arrays) };
}

async function insertStaged(
  client: BoundClient,
  part: Part,
  { begin, isTold, context: { options, facts } }: Insertion,
): Promise<Inserted> {
  const { table } = options;
  const { row } = await client.copy(
    new CopyIn(
      [...begin, stagingStatements(table, facts)].join('; '),
      copyData(part.batch, part, table.format.name),
    ),
  );
  const statement = isTold ? insertFromStagingTold(table) : insertFromStaging(table);
  return { row, result: await client.query<Place>(statement) };
}

/** Up to here arrays are faster than staging; from here on the server reads them more slowly than it copies. */
const MOST_ROWS_BY_ARRAYS = 10_000;

function goesByArrays(part: Part, { options: { path, table }, facts }: WriteContext): boolean {
  if (path === 'staging') return false;
  if (path === 'unnest') return true;
  return bearsUnnest(table) && (rowCount(part) <= MOST_ROWS_BY_ARRAYS || !facts.bearsCopy);
}

/** Whether somebody wants to know which of the rows were stored. */
function isTelling({ batch: { waiters }, from, to }: Part): boolean {
  if (waiters === undefined) return false;
  for (const row of waiters.keys()) if (row >= from && row < to) return true;
  return false;
}

/** Whether it says of each row what became of it: all of them, or none, say so, too. */
function isToldOfEach(part: Part, { stored, storedRows }: Sent): boolean {
  return storedRows !== undefined || stored === 0 || stored === rowCount(part);
}

/** Signature, flags and length of the extension of binary COPY; its end (PostgreSQL manual, COPY, file formats). */
const BINARY_HEAD = Buffer.concat([Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1'), Buffer.alloc(8)]);
const BINARY_END = Buffer.from([0xff, 0xff]);

function copyData(batch: Batch, range: Range, format: 'binary' | 'text'): Uint8Array[] {
  const rows = bytesOf(batch, range);
  return format === 'binary' ? [BINARY_HEAD, rows, BINARY_END] : [rows];
}
