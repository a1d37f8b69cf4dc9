import { quoteIdentifier } from '@holdfast/internal';
import type { Batch, Range } from '../blocks/batch.ts';
import { sqlstateOf } from '../classify.ts';
import type { BoundClient } from './bound-client.ts';
import { endSession } from './end-session.ts';

/** What the ledger says of rows of a batch that were committed. */
export interface LedgerEntry extends Range {
  readonly stored: number;
}

/** A name with its schema is two names. */
export function quoteLedger(ledger: string): string {
  return ledger.split('.').map(quoteIdentifier).join('.');
}

/**
 * The table of a ledger: one row for each part of a batch, in the transaction that wrote it, so it is there exactly if the
 * rows are. Entries are deleted when their batch is settled; what a process leaves behind that ends before is garbage.
 */
export function ledgerTableStatement(ledger: string): string {
  return `CREATE TABLE IF NOT EXISTS ${quoteLedger(ledger)} (
  batch uuid NOT NULL,
  from_row int4 NOT NULL,
  to_row int4 NOT NULL,
  stored int4 NOT NULL,
  written_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT ${quoteIdentifier(LEDGER_KEY)} PRIMARY KEY (batch, from_row)
)`;
}

const LEDGER_KEY = 'holdfast_ledger_key';

/**
 * A lock that a transaction with an entry of the batch holds to its end: whoever takes it alone knows that none is on its way.
 * A UUID is random, so half of it is a key that nobody else has.
 */
function lockKey({ id }: Batch): bigint {
  return BigInt.asIntN(64, BigInt(`0x${id.replaceAll('-', '').slice(0, 16)}`));
}

/** All values are numbers and UUIDs of ours. */
export function ledgerInsert(
  ledger: string,
  batch: Batch,
  { from, to }: Range,
  stored: number,
): string {
  return `INSERT INTO ${quoteLedger(ledger)} (batch, from_row, to_row, stored) SELECT '${batch.id}'::uuid, ${from}, ${to}, ${stored} FROM pg_advisory_xact_lock_shared(${lockKey(batch)})`;
}

export function ledgerDelete(ledger: string, ids: readonly string[]): string {
  return `DELETE FROM ${quoteLedger(ledger)} WHERE batch IN (${ids.map((id) => `'${id}'`).join(', ')})`;
}

/**
 * Ends whoever holds the lock of the batch, whose answers nobody reads any more. A transaction that waits for a standby is
 * committed already, and is left to wait.
 */
function endOrphanStatement(batch: Batch): string {
  const key = BigInt.asUintN(64, lockKey(batch));
  // How the two halves of the key are shown: PostgreSQL manual, pg_locks.
  return `SELECT pg_terminate_backend(l.pid) FROM pg_locks l JOIN pg_stat_activity a USING (pid)
  WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
    AND l.classid = ${key >> 32n}::oid AND l.objid = ${key & 0xffffffffn}::oid AND a.datname = current_database()
    AND a.pid <> pg_backend_pid() AND a.wait_event IS DISTINCT FROM 'SyncRep'`;
}

export interface LedgerQuestion {
  readonly ledger: string;
  readonly batch: Batch;
  /** How often it has been asked, this time included. */
  readonly number: number;
  /** How long it waits for an attempt that is on its way. */
  readonly waitMs: number;
}

/**
 * What has been committed of a batch, for good; undefined while an attempt whose connection was lost is on its way. That is
 * waited for; when it is asked for the second time its session is ended.
 */
export async function readLedger(
  client: BoundClient,
  { ledger, batch, number, waitMs }: LedgerQuestion,
): Promise<LedgerEntry[] | undefined> {
  if (number > 1) await endSession(client, endOrphanStatement(batch));
  try {
    const { rows } = await client.queryLast<{ from_row: number; to_row: number; stored: number }>(
      [
        // With a snapshot for each statement: one from before the wait would not show what has been waited for.
        'SET TRANSACTION ISOLATION LEVEL READ COMMITTED',
        // Its session must not wait on when this one gives up.
        `SET LOCAL lock_timeout = ${Math.max(1, Math.floor(waitMs))}`,
        `SELECT pg_advisory_xact_lock(${lockKey(batch)})`,
        `SELECT from_row, to_row, stored FROM ${quoteLedger(ledger)} WHERE batch = '${batch.id}' ORDER BY from_row`,
      ].join('; '),
    );
    return rows.map(({ from_row, to_row, stored }) => ({ from: from_row, to: to_row, stored }));
  } catch (error) {
    if (sqlstateOf(error) === LOCK_TIMEOUT) return undefined;
    throw error;
  }
}

const LOCK_TIMEOUT = '55P03';
