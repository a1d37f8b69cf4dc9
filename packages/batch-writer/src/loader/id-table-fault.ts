import { isHoldfastError } from '@holdfast/internal';
import { sqlstateOf } from '../classify.ts';
import { TableMismatchError } from '../errors.ts';
import type { BoundClient } from '../sending/bound-client.ts';
import { readCatalogue, typeOf } from '../sending/table-facts.ts';
import type { IdTable } from './pg-id-statements.ts';

/** No such table, column or operator; no unique index for ON CONFLICT. */
const OF_OPTIONS: ReadonlySet<string> = new Set(['42P01', '42703', '42883', '42P10']);

/**
 * What a caller gets for an error of a statement: where an option does not fit the table, which one, the rule and the value.
 * The catalogue is asked, for a trigger may fail in the same ways.
 */
export async function explainIdFailure(
  client: BoundClient,
  table: IdTable & { readonly label: string },
  error: unknown,
): Promise<unknown> {
  const state = sqlstateOf(error);
  if (state === undefined || !OF_OPTIONS.has(state) || isFromFunction(error)) return error;
  try {
    const fault = await findFault(client, table, state);
    if (fault === undefined) return error;
    return new TableMismatchError(table.label, fault, { cause: error });
  } catch (second) {
    // There is no such table; whatever else it is, the first error says more.
    return isHoldfastError(second, 'TABLE_MISMATCH') ? second : error;
  }
}

/** The server tells where in the functions of the database it happened: in a trigger, for example. */
function isFromFunction(error: unknown): boolean {
  return typeof (error as { readonly where?: unknown }).where === 'string';
}

async function findFault(
  client: BoundClient,
  { label, keyColumn, keyType, idColumn }: IdTable & { readonly label: string },
  state: string,
): Promise<string | undefined> {
  const { columns, uniqueKeys } = await readCatalogue(client, label);
  for (const [option, name] of Object.entries({ keyColumn, idColumn })) {
    if (!columns.some((column) => column.name === name)) {
      return `${option} must be a column of it, got ${JSON.stringify(name)}`;
    }
  }
  const key = columns.find(({ name }) => name === keyColumn);
  if (state === '42883' && key !== undefined && typeOf(key) !== keyType) {
    const name = JSON.stringify(keyColumn);
    return `keyType must be the type of column ${name}, which is ${key.type}, got "${keyType}"`;
  }
  const isUnique = uniqueKeys.some(
    ([first, ...others]) => first === keyColumn && others.length === 0,
  );
  if (state !== '42P10' || isUnique) return undefined;
  return `with create, keyColumn must have a unique index of its own: valid, not partial, not deferrable; got ${JSON.stringify(keyColumn)}`;
}
