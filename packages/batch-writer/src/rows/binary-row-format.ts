import type { ByteWriter } from './byte-writer.ts';
import type { Field } from './codec.ts';
import {
  columnsUpTo,
  encodedColumns,
  noPlace,
  requireNullable,
  rowErrorOf,
  type EncodedColumn,
} from './encoded-column.ts';
import { compareBytes, finishHash, hashBytes, int32At } from './key-bytes.ts';
import type { ColumnSpec, DecodedRow, PgValue } from './pg-types.ts';
import type { BinaryRowFormat, RowFormatOptions } from './row-format.ts';

export function createBinaryRowFormat(
  columns: readonly ColumnSpec[],
  { orderColumn }: RowFormatOptions,
): BinaryRowFormat {
  return new BinaryRows(encodedColumns(columns, orderColumn));
}

/** Bytes of the number of columns, with which a row begins. */
const HEADER = 2;

class BinaryRows implements BinaryRowFormat {
  readonly name = 'binary';
  readonly #columns: readonly EncodedColumn[];
  /** All columns up to the last of the key. */
  readonly #toKey: readonly EncodedColumn[];
  readonly #order: number;
  /** Filled anew for each pair of keys, so that comparing allocates nothing. */
  readonly #a: Field = { bytes: EMPTY, at: 0, length: 0 };
  readonly #b: Field = { bytes: EMPTY, at: 0, length: 0 };
  #isWriting = false;

  constructor(columns: readonly EncodedColumn[]) {
    this.#columns = columns;
    this.#toKey = columnsUpTo(columns, ({ isKey }) => isKey);
    this.#order = columns.findIndex(({ isOrder }) => isOrder);
  }

  write(out: ByteWriter, row: object): void {
    // A getter or a toJSON of the row may call: its row would stand in the middle of this one.
    if (this.#isWriting) throw new Error('a row cannot be written while another one is read');
    const start = out.length;
    let name = '';
    this.#isWriting = true;
    try {
      out.int16(this.#columns.length);
      for (const column of this.#columns) {
        name = column.name;
        const value = (row as Readonly<Record<string, unknown>>)[name];
        if (value === null || value === undefined) {
          requireNullable(column);
          out.int32(-1);
        } else {
          if (column.isOrder && Number.isNaN(value)) throw noPlace();
          column.write(out, value);
        }
      }
    } catch (error) {
      out.truncate(start);
      throw rowErrorOf(name, error);
    } finally {
      this.#isWriting = false;
    }
  }

  hashKey(bytes: Buffer, start: number): number {
    let hash = 0;
    let at = start + HEADER;
    for (const { isKey, codec } of this.#toKey) {
      const length = int32At(bytes, at);
      at += 4;
      if (isKey) {
        hash =
          codec.key === undefined
            ? hashBytes(bytes, at, length, hash)
            : codec.key.hash(bytes, at, length, hash);
      }
      if (length > 0) at += length;
    }
    return finishHash(hash);
  }

  compareKeys(a: Buffer, aStart: number, b: Buffer, bStart: number): number {
    let aAt = aStart + HEADER;
    let bAt = bStart + HEADER;
    for (const { isKey, codec } of this.#toKey) {
      const aLength = int32At(a, aAt);
      const bLength = int32At(b, bAt);
      if (isKey) {
        fill(this.#a, a, aAt + 4, aLength);
        fill(this.#b, b, bAt + 4, bLength);
        const order =
          codec.key === undefined
            ? compareBytes(this.#a, this.#b)
            : codec.key.compare(this.#a, this.#b);
        if (order !== 0) return order;
      }
      aAt += 4 + Math.max(0, aLength);
      bAt += 4 + Math.max(0, bLength);
    }
    return 0;
  }

  orderOf(bytes: Buffer, start: number): number | bigint {
    const codec = this.#columns[this.#order]?.codec;
    return codec?.orderOf?.(bytes, this.fieldStart(bytes, start, this.#order) + 4) ?? 0;
  }

  read(bytes: Buffer, start: number): DecodedRow {
    let at = start + HEADER;
    const fields = this.#columns.map(({ name, codec }): [string, PgValue] => {
      const length = int32At(bytes, at);
      const from = at + 4;
      at = from + Math.max(0, length);
      return [name, length === -1 ? null : codec.read(bytes, from, length)];
    });
    return Object.fromEntries(fields);
  }

  fieldStart(bytes: Buffer, start: number, column: number): number {
    let at = start + HEADER;
    for (let index = 0; index < column; index += 1) at += 4 + Math.max(0, int32At(bytes, at));
    return at;
  }
}

const EMPTY = Buffer.alloc(0);

function fill(field: Field, bytes: Buffer, at: number, length: number): void {
  field.bytes = bytes;
  field.at = at;
  field.length = length;
}
