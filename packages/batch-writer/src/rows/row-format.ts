import { createBinaryRowFormat } from './binary-row-format.ts';
import type { ByteWriter } from './byte-writer.ts';
import type { ColumnSpec, DecodedRow } from './pg-types.ts';
import { createTextRowFormat } from './text-row-format.ts';

/** How the rows of one table lie in a buffer: as COPY wants them, so that the buffer is sent as it is. */
export type RowFormat = BinaryRowFormat | TextRowFormat;

/**
 * In binary: an int16 with the number of columns, then for each column an int32 length (-1 is NULL) and as many bytes.
 * The columns of the table must have exactly the types that were declared.
 */
export interface BinaryRowFormat extends RowCoding {
  /** FORMAT of COPY. */
  readonly name: 'binary';
  /** Offset of the int32 length of a field of the row at `start`: with its bytes it is as an array holds an element. */
  fieldStart(bytes: Buffer, start: number, column: number): number;
}

/** As text: fields with TAB between them and a line feed behind them, escaped, `\N` for NULL. */
export interface TextRowFormat extends RowCoding {
  /** FORMAT of COPY. */
  readonly name: 'text';
  /** A field of the row at `start`, as the type's input function reads it; null for NULL. */
  fieldText(bytes: Buffer, start: number, column: number): string | null;
}

export interface RowCoding {
  /**
   * Appends a row. Each column is read once, from prototypes too; `undefined` is NULL. On a throw `out` is as before.
   *
   * @throws {RowInvalidError} naming the first column that does not fit; NULL does not fit a column of the key, NULL and
   *   NaN do not fit the column of order.
   * @throws what a getter of the row throws.
   */
  write(out: ByteWriter, row: object): void;
  /** 32 bits, unsigned; equal for keys that PostgreSQL holds equal. In binary it makes no objects, but for jsonb. */
  hashKey(bytes: Buffer, start: number, end: number): number;
  /**
   * A total order of keys: below zero, above zero, and zero for keys that PostgreSQL holds equal: -0 = 0, NaN = NaN,
   * 1.0 = 1.00. Text is compared by its bytes, whatever its collation.
   */
  compareKeys(a: Buffer, aStart: number, b: Buffer, bStart: number): number;
  /**
   * Place of the row in the order of `orderColumn`, for `<` and `>`, which compare numbers and bigints exactly: a number
   * where that is exact, else a bigint. Timestamps in microseconds and dates in days since 2000. 0 without the column.
   */
  orderOf(bytes: Buffer, start: number, end: number): number | bigint;
  /**
   * The row as values again: int8 as bigint, numeric as a string, date as `YYYY-MM-DD`, timestamps as ISO text with the
   * microseconds they have, json parsed, bytea copied. `write` makes the same bytes of it.
   */
  read(bytes: Buffer, start: number, end: number): DecodedRow;
}

export interface RowFormatOptions {
  /** Column of `orderOf`: an int2, int4, int8, float4, float8, date, timestamp or timestamptz. */
  readonly orderColumn?: string | undefined;
}

/**
 * Binary, or text when a column is of type `unknown`.
 *
 * @throws {TypeError} when `orderColumn` is not among the columns or its type has no order.
 */
export function createRowFormat(
  columns: readonly ColumnSpec[],
  options: RowFormatOptions = {},
): RowFormat {
  return columns.some(({ type }) => type === 'unknown')
    ? createTextRowFormat(columns, options)
    : createBinaryRowFormat(columns, options);
}
