import { quoteIdentifier } from '@holdfast/internal';
import type { Batch, Range } from '../blocks/batch.ts';
import type { BoundClient } from './bound-client.ts';

/** What the ledger says of rows of a batch that were committed. */
export interface LedgerEntry extends Range {
  readonly stored: number;
}

/** A name with its schema is two names. */
function quoteLedger(ledger: string): string {
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

/** What has been committed of a batch, for good: an attempt whose connection was lost may still be on its way, and is waited for. */
export async function readLedger(
  client: BoundClient,
  ledger: string,
  batch: Batch,
): Promise<LedgerEntry[]> {
  const { rows } = await client.queryLast<{ from_row: number; to_row: number; stored: number }>(
    `SELECT pg_advisory_xact_lock(${lockKey(batch)}); SELECT from_row, to_row, stored FROM ${quoteLedger(ledger)} WHERE batch = '${batch.id}' ORDER BY from_row`,
  );
  return rows.map(({ from_row, to_row, stored }) => ({ from: from_row, to: to_row, stored }));
}
