import {
  requireFunction,
  requireInteger,
  requireOneOf,
  requireOptionGroup,
  type OptionNames,
} from '@holdfast/internal';
import type { Queryable } from '../ports.ts';
import { RowLockTimeoutError, RowsNotLockedError } from './row-errors.ts';
import { requireRowId, type RowId } from './row-id.ts';
import {
  OUTCOME,
  POSITION,
  ROW_LOCK_MODES,
  rowLockStatement,
  type RowLockMode,
} from './row-lock-statement.ts';
import {
  openTransactionOf,
  type OpenTransaction,
  type RowLockTransaction,
} from './row-lock-transaction.ts';
import { sqlstateOf } from '../sqlstate.ts';

export interface RowLockQuery<Id extends RowId = RowId> {
  readonly table: string;
  /** Default: the first schema of the connection's search path that has the table. */
  readonly schema?: string | undefined;
  /** A unique column that never changes. Default `id`. */
  readonly idColumn?: string | undefined;
  /** At least one, all of one type. */
  readonly ids: readonly Id[];
  /**
   * `update` for rows that will be deleted or get another key, `no key update` for other changes, `share` against
   * changes, `key share` against deletion. Default `no key update`.
   */
  readonly mode?: RowLockMode | undefined;
  /**
   * While others hold a row: `wait` for as long as the session's `lock_timeout` lets it, `nowait` rejects at once, `skip`
   * goes on without it, and a number rejects after that many milliseconds, from 1 to 2^31 - 1, of waiting for one
   * row. Default `wait`.
   */
  readonly wait?: 'wait' | 'nowait' | 'skip' | number | undefined;
  /** `all`: rejects with `ROWS_NOT_LOCKED` unless each row was locked. `any`: as many as there are, also none. Default `all`. */
  readonly require?: 'all' | 'any' | undefined;
}

/** The ids, as the caller gave them, whose rows are not locked. */
export interface RowGap<Id extends RowId = RowId> {
  /** There is no such row. */
  readonly missing: readonly Id[];
  /** Another transaction held it; only with `wait: 'skip'`. */
  readonly skipped: readonly Id[];
}

interface ResolvedQuery<Id extends RowId> {
  readonly table: string;
  readonly text: string;
  readonly ids: readonly Id[];
  readonly wait: 'wait' | 'nowait' | 'skip' | number;
  readonly require: 'all' | 'any';
}

interface Locked<Row, Id extends RowId> extends RowGap<Id> {
  readonly rows: Row[];
}

const QUERY_NAMES: OptionNames<RowLockQuery> = {
  table: true,
  schema: true,
  idColumn: true,
  ids: true,
  mode: true,
  wait: true,
  require: true,
};

/** lock_not_available (PostgreSQL manual, appendix A). */
const LOCK_NOT_AVAILABLE = '55P03';

/** PostgreSQL keeps its time-outs in signed 32-bit integers. */
const LONGEST_MS = 2 ** 31 - 1;

/** How often the statement runs. Each run more than the first needs a row that is deleted and put back during its wait. */
const MAX_RUNS = 3;

// Materialized, so that it is read before it is set.
const SET_TIMEOUT = `WITH before AS MATERIALIZED (SELECT current_setting('lock_timeout') AS timeout)
  SELECT timeout, set_config('lock_timeout', $1, true) FROM before`;
const RESTORE_TIMEOUT = `SELECT set_config('lock_timeout', $1, true)`;

/**
 * Locks rows until the transaction ends, not only while `fn` runs, and calls `fn` with them as they are then, in the order
 * of `ids`, each once. All callers lock in the order of the id column, so they do not deadlock with each other.
 *
 * @throws {TypeError | RangeError} at once, when `tx` is a pool or an argument is wrong.
 * Rejects with `NOT_IN_TRANSACTION`, `ROW_LOCK_TIMEOUT` (the transaction can go on), `ROWS_NOT_LOCKED`, what `fn` rejects
 * with, or the driver's error, 40001 in a transaction above READ COMMITTED among them.
 */
export function withRowLock<Row extends object, T = unknown, Id extends RowId = RowId>(
  tx: RowLockTransaction,
  query: RowLockQuery<Id>,
  fn: (rows: Row[], gap: RowGap<Id>) => Promise<T>,
): Promise<T> {
  const transaction = openTransactionOf(tx);
  const resolved = resolveQuery(query);
  requireFunction('fn', fn);

  const run = async (): Promise<T> => {
    const { rows, missing, skipped } = await lock<Row, Id>(transaction, resolved);
    if (resolved.require === 'all' && missing.length + skipped.length > 0) {
      throw new RowsNotLockedError(resolved.table, missing, skipped);
    }
    return fn(rows, { missing, skipped });
  };
  return run();
}

async function lock<Row extends object, Id extends RowId>(
  transaction: OpenTransaction,
  query: ResolvedQuery<Id>,
): Promise<Locked<Row, Id>> {
  const { wait, table, ids } = query;
  if (wait === 'wait' || wait === 'skip') return transaction.plainly((db) => select(db, query));
  try {
    return await transaction.savepoint((db) =>
      wait === 'nowait' ? select<Row, Id>(db, query) : selectWithin<Row, Id>(db, wait, query),
    );
  } catch (error) {
    if (sqlstateOf(error) !== LOCK_NOT_AVAILABLE) throw error;
    throw new RowLockTimeoutError(table, ids, wait, { cause: error });
  }
}

/** When it fails, the savepoint around it restores the time-out. */
async function selectWithin<Row extends object, Id extends RowId>(
  db: Queryable,
  waitMs: number,
  query: ResolvedQuery<Id>,
): Promise<Locked<Row, Id>> {
  const { rows } = await db.query<{ readonly timeout: string }>(SET_TIMEOUT, [String(waitMs)]);
  const locked = await select<Row, Id>(db, query);
  await db.query(RESTORE_TIMEOUT, [rows[0]?.timeout]);
  return locked;
}

async function select<Row extends object, Id extends RowId>(
  db: Queryable,
  { text, ids, wait }: ResolvedQuery<Id>,
): Promise<Locked<Row, Id>> {
  type Found = Row & Readonly<Record<typeof POSITION | typeof OUTCOME, string>>;
  for (let runs = 1; ; runs += 1) {
    const found = (await db.query<Found>(text, [ids.map(String)])).rows;
    const idsThat = (...outcomes: string[]): Id[] => {
      const that = found.filter((row) => outcomes.includes(row[OUTCOME]));
      const positions = new Set(that.map((row) => Number(row[POSITION])));
      return ids.filter((_, n) => positions.has(n + 1));
    };
    const rows = found.filter((row) => row[OUTCOME] === 'locked').map((row) => withoutMarks(row));
    const passedOver = idsThat('passed over');
    if (wait === 'skip') return { rows, missing: idsThat('missing'), skipped: passedOver };
    // Its writer was waited for, and has deleted it: the next snapshot tells whether another one stands in its place.
    if (passedOver.length > 0 && runs < MAX_RUNS) continue;
    return { rows, missing: idsThat('missing', 'passed over'), skipped: [] };
  }
}

function withoutMarks<Row extends object>(
  row: Row & Readonly<Record<typeof POSITION | typeof OUTCOME, string>>,
): Row {
  const columns = Object.entries(row).filter(([name]) => name !== POSITION && name !== OUTCOME);
  return Object.fromEntries(columns) as Row;
}

function resolveQuery<Id extends RowId>(query: RowLockQuery<Id>): ResolvedQuery<Id> {
  requireOptionGroup('query', query, QUERY_NAMES as OptionNames<RowLockQuery<Id>>);
  const { table, schema, idColumn = 'id', ids, wait = 'wait' } = query;
  const mode = requireOneOf('mode', query.mode ?? 'no key update', ROW_LOCK_MODES);
  requireIds(ids);
  requireWait(wait);
  const clause = wait === 'nowait' ? 'NOWAIT' : wait === 'skip' ? 'SKIP LOCKED' : '';
  return {
    table,
    text: rowLockStatement({ table, schema, idColumn, mode, clause }),
    // A copy: the caller may go on with his own.
    ids: [...ids],
    wait,
    require: requireOneOf('require', query.require ?? 'all', ['all', 'any']),
  };
}

function requireIds(ids: readonly RowId[]): void {
  if (!Array.isArray(ids)) throw new TypeError(`ids must be an array, got ${typeof ids}`);
  if (ids.length === 0) throw new TypeError('ids must have at least one id, got none');
  const first = typeof ids[0];
  for (const id of ids as readonly unknown[]) {
    requireRowId('each of ids', id);
    if (typeof id !== first) {
      throw new TypeError(`ids must be all of one type, got ${first} and ${typeof id}`);
    }
  }
}

function requireWait(wait: unknown): void {
  if (typeof wait === 'number') requireInteger('wait', wait, { min: 1, max: LONGEST_MS });
  else requireOneOf('wait, unless it is milliseconds,', wait, ['wait', 'nowait', 'skip']);
}
