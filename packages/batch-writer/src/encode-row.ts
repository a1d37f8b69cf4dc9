import type { PgType } from './batch-writer.ts';
import { canonicalText, orderOf } from './canonical.ts';
import { encodeValue, UnfitValue } from './encode-value.ts';
import { RowInvalidError } from './errors.ts';
import type { Table } from './options.ts';

/** A row as it waits in the buffer. */
export interface EncodedRow {
  /** The caller's object: what a rejection and `close()` give back. */
  readonly row: object;
  /** The text form of each column, in the order of the table's columns. */
  readonly values: readonly (string | null)[];
  /** Equal for rows with equal keys; batches are sorted by it. */
  readonly keyText: string;
  /** Place in the order of `latestBy`, 0 without it. */
  readonly order: number | bigint;
  readonly bytes: number;
  readonly acceptedAtMs: number;
}

/**
 * Checks a row and takes its values.
 *
 * @throws {RowInvalidError} naming the first column whose value does not fit.
 */
export function encodeRow(table: Table, row: object, nowMs: number): EncodedRow {
  const values: (string | null)[] = [];
  const keyParts: string[] = [];
  let order: number | bigint = 0;
  let bytes = ROW_BYTES;

  for (const { name, type, isKey } of table.columns) {
    const text = encodeColumn(name, type, (row as Readonly<Record<string, unknown>>)[name]);
    values.push(text);
    bytes += COLUMN_BYTES + 2 * (text?.length ?? 0);
    if (isKey) keyParts.push(canonicalText(type, requireKeyText(name, text)));
    if (name === table.latestBy?.name) {
      const place = text === null ? undefined : orderOf(table.latestBy.type, text);
      if (place === undefined) {
        throw new RowInvalidError(name, 'the column of latestBy must have a place in time order');
      }
      order = place;
    }
  }
  // NUL cannot occur in a part, so different keys never join to the same text.
  return { row, values, keyText: keyParts.join('\u0000'), order, bytes, acceptedAtMs: nowMs };
}

const ROW_BYTES = 128;
const COLUMN_BYTES = 32;

function encodeColumn(name: string, type: PgType, value: unknown): string | null {
  try {
    return encodeValue(type, value);
  } catch (error) {
    if (error instanceof UnfitValue) {
      throw new RowInvalidError(name, error.message, { cause: error.cause });
    }
    throw error;
  }
}

function requireKeyText(name: string, text: string | null): string {
  // A unique index does not hold NULLs equal: a retry would store such a row twice.
  if (text === null) throw new RowInvalidError(name, 'a column of the key must not be null');
  return text;
}
