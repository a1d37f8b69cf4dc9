import { RowInvalidError } from '../errors.ts';
import type { ByteWriter } from './byte-writer.ts';
import type { Codec } from './codec.ts';
import { codecOf, hasOrder } from './codecs.ts';
import type { ColumnSpec } from './pg-types.ts';
import { UnfitValue } from './unfit-value.ts';

/** A column of a row format. */
export interface EncodedColumn {
  readonly name: string;
  readonly codec: Codec;
  /** Its own field: a call of it needs no look at the codec. */
  readonly write: (out: ByteWriter, value: unknown) => void;
  readonly isKey: boolean;
  readonly isOrder: boolean;
}

/** @throws {TypeError} when `orderColumn` is not among the columns or its type has no order. */
export function encodedColumns(
  columns: readonly ColumnSpec[],
  orderColumn: string | undefined,
): readonly EncodedColumn[] {
  const order = columns.find(({ name }) => name === orderColumn);
  if (orderColumn !== undefined && order === undefined) {
    throw new TypeError(
      `orderColumn must be the name of a column, got ${JSON.stringify(orderColumn)}`,
    );
  }
  if (order !== undefined && !hasOrder(order.type)) {
    throw new TypeError(
      `orderColumn must be an integer, a float, a date or a timestamp, got ${JSON.stringify(order.name)} of type ${order.type}`,
    );
  }
  return columns.map(({ name, type, nul, isKey }) => {
    const codec = codecOf(type, nul);
    return { name, codec, write: codec.write, isKey, isOrder: name === orderColumn };
  });
}

/** How many columns there are up to the last that is wanted. */
export function columnsUpTo(
  columns: readonly EncodedColumn[],
  isWanted: (column: EncodedColumn) => boolean,
): readonly EncodedColumn[] {
  return columns.slice(0, columns.findLastIndex(isWanted) + 1);
}

/** @throws {UnfitValue} when the column cannot be NULL. */
export function requireNullable({ isKey, isOrder }: EncodedColumn): void {
  // A unique index does not hold NULLs equal: a retry would store such a row twice.
  if (isKey) throw new UnfitValue('a column of the key must not be null');
  if (isOrder) throw noPlace();
}

/** NaN and NULL: a row that has no place in the order is neither newer nor older than another. */
export function noPlace(): UnfitValue {
  return new UnfitValue('the column of order must have a place in it, so neither null nor NaN');
}

/** What is thrown for a row when `error` was thrown for its column. */
export function rowErrorOf(column: string, error: unknown): unknown {
  if (!(error instanceof UnfitValue)) return error;
  return new RowInvalidError(column, error.message, { cause: error.cause });
}
