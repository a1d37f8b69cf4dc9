import { TableMismatchError } from '../errors.ts';
import type { PgType } from '../rows/pg-types.ts';
import type { BoundClient } from './bound-client.ts';
import { quoteLedger } from './ledger.ts';
import { findInCatalogue, typeOf } from './table-facts.ts';

/** What a batch is looked up by. Of other types the numbers might come back as text, and nothing would ever be found. */
const COLUMNS: Readonly<Record<string, PgType>> = {
  batch: 'uuid',
  from_row: 'int4',
  to_row: 'int4',
  stored: 'int4',
};

/**
 * Looks whether the table of a ledger is one, before it is needed.
 *
 * @throws {TableMismatchError} naming the option, what is wrong and how the table is made.
 */
export async function checkLedger(client: BoundClient, ledger: string): Promise<void> {
  const label = quoteLedger(ledger);
  const wrong = await findFault(client, label);
  if (wrong === undefined) return;
  const how = `ledgerTableStatement(${JSON.stringify(ledger)}) gives the statement that creates one`;
  throw new TableMismatchError(
    label,
    `exactlyOnce.ledger must name the table of a ledger, and ${wrong}: ${how}`,
  );
}

async function findFault(client: BoundClient, label: string): Promise<string | undefined> {
  const found = await findInCatalogue(client, label);
  if (found === undefined) return 'there is no such table';
  for (const [name, type] of Object.entries(COLUMNS)) {
    const column = found.columns.find((one) => one.name === name);
    if (column === undefined) return `there is no column ${JSON.stringify(name)}`;
    if (typeOf(column) !== type) {
      return `column ${JSON.stringify(name)} is of type ${column.type}, not ${type}`;
    }
  }
  return undefined;
}
