import type { LeaseTransaction } from './lease-contract.ts';
import {
  GuardOutsideTransactionError,
  LeaseTableMissingError,
  StaleTokenError,
} from './lease-errors.ts';
import { isSchemaMissing } from './lease-store.ts';
import type { Queryable } from '../ports.ts';
import { queryableOf } from '../rows/queryable-of.ts';
import { frameOf, inTurn } from '../rows/turns.ts';
import { sqlstateOf } from '../sqlstate.ts';

export interface Fence {
  readonly table: string;
  readonly key: string;
  readonly token: bigint;
}

/** no_active_sql_transaction (PostgreSQL manual, appendix A). */
const NO_TRANSACTION = '25P01';

/**
 * SAVEPOINT is the statement that fails outside a transaction, and also in the one that PostgreSQL makes of several
 * statements in one message. Comparing `now()` with `statement_timestamp()` would not tell: it depends on the protocol.
 */
const REQUIRE_TRANSACTION = 'SAVEPOINT holdfast_guard; RELEASE SAVEPOINT holdfast_guard';

/**
 * Resolves when the token is the newest one, and locks it until the transaction ends: in its turn, because the end of
 * somebody else's savepoint could undo the lock.
 *
 * FOR KEY SHARE lets renewals pass, which change no key (FOR NO KEY UPDATE), and keeps out a takeover, which takes FOR
 * UPDATE (PostgreSQL manual, 13.3.2).
 */
export async function guardTransaction(tx: LeaseTransaction, fence: Fence): Promise<void> {
  const db = queryableOf(tx);
  const frame = frameOf(tx);
  if (frame === undefined) return inTurn(tx, () => guardNow(db, fence));
  return frame.exclusively((innermost) => {
    if (innermost === frame) return guardNow(db, fence);
    throw new TypeError(
      'tx must be the transaction of the savepoint that the guard is called in: one of the transaction around it would be undone with the savepoint',
    );
  });
}

async function guardNow(db: Queryable, fence: Fence): Promise<void> {
  try {
    if (!(await isNewest(db, fence))) {
      throw new StaleTokenError(fence.key, fence.token, await newestToken(db, fence));
    }
  } catch (error) {
    if (sqlstateOf(error) === NO_TRANSACTION)
      throw new GuardOutsideTransactionError(fence.key, error);
    throw isSchemaMissing(error) ? new LeaseTableMissingError(fence.table, error) : error;
  }
}

/** True in SQL when the token is the newest one, which it then is until the writer's transaction ends. */
export function guardCondition(fence: Fence): string {
  return `EXISTS (${selectFence(fence)})`;
}

function selectFence({ table, key, token }: Fence): string {
  return `SELECT 1 FROM ${table} WHERE key = ${quoteLiteral(key)} AND token = ${token.toString()} FOR KEY SHARE`;
}

async function isNewest(db: Queryable, fence: Fence): Promise<boolean> {
  // Without values the driver sends it as one simple message: one round trip.
  const answer: unknown = await db.query(`${REQUIRE_TRANSACTION}; ${selectFence(fence)}`);
  if (Array.isArray(answer)) return hasRow(answer.at(-1));
  // Kysely has no results of several statements. That the transaction is open is known by now.
  return hasRow(await db.query(selectFence(fence)));
}

function hasRow(answer: unknown): boolean {
  return (answer as { readonly rows: readonly unknown[] }).rows.length > 0;
}

async function newestToken(db: Queryable, { table, key }: Fence): Promise<bigint | undefined> {
  const text = `SELECT token::text AS token FROM ${table} WHERE key = ${quoteLiteral(key)}`;
  const { rows } = await db.query<{ readonly token: string }>(text);
  return rows[0] === undefined ? undefined : BigInt(rows[0].token);
}

/**
 * A string constant. With a backslash in it the form is E'…', in which one means the same whatever
 * `standard_conforming_strings` is (PostgreSQL manual, 4.1.2).
 */
function quoteLiteral(text: string): string {
  const quoted = text.replaceAll("'", "''");
  return quoted.includes('\\') ? `E'${quoted.replaceAll('\\', '\\\\')}'` : `'${quoted}'`;
}
