import type { Batch, Range } from '../blocks/batch.ts';
import { codecOf } from '../rows/codecs.ts';
import type { ColumnSpec } from '../rows/pg-types.ts';
import type { BinaryRowFormat } from '../rows/row-format.ts';

/**
 * For each column the binary form of the array of its values: one dimension from 1, the elements as they lie in the rows
 * (PostgreSQL source, array_recv). `pg` sends a Buffer as a binary parameter.
 */
export function columnArrays(
  batch: Batch,
  range: Range,
  columns: readonly ColumnSpec[],
  format: BinaryRowFormat,
): Buffer[] {
  return columns.map(({ type }, column) =>
    columnArray(batch, range, { column, oid: codecOf(type).oid, format }),
  );
}

function columnArray(
  { bytes, offsets }: Batch,
  { from, to }: Range,
  {
    column,
    oid,
    format,
  }: { readonly column: number; readonly oid: number; readonly format: BinaryRowFormat },
): Buffer {
  let size = HEADER_BYTES;
  let hasNull = 0;
  for (let row = from; row < to; row++) {
    const length = bytes.readInt32BE(format.fieldStart(bytes, offsets[row] ?? 0, column));
    if (length < 0) hasNull = 1;
    size += 4 + Math.max(length, 0);
  }
  const array = Buffer.allocUnsafe(size);
  [1, hasNull, oid, to - from, 1].forEach((value, index) => array.writeInt32BE(value, 4 * index));
  let end = HEADER_BYTES;
  for (let row = from; row < to; row++) {
    const start = format.fieldStart(bytes, offsets[row] ?? 0, column);
    end += bytes.copy(array, end, start, start + 4 + Math.max(bytes.readInt32BE(start), 0));
  }
  return array;
}

/** Dimensions, whether there are NULLs, type of the elements; length and lower bound of the one dimension. */
const HEADER_BYTES = 20;
