import { ByteWriter } from './byte-writer.ts';
import {
  encodedColumns,
  noPlace,
  requireNullable,
  rowErrorOf,
  type EncodedColumn,
} from './encoded-column.ts';
import { compareBytes, finishHash, hashBytes } from './key-bytes.ts';
import type { Field } from './codec.ts';
import type { ColumnSpec, DecodedRow, PgValue } from './pg-types.ts';
import type { RowFormatOptions, TextRowFormat } from './row-format.ts';

export function createTextRowFormat(
  columns: readonly ColumnSpec[],
  { orderColumn }: RowFormatOptions,
): TextRowFormat {
  return new TextRows(encodedColumns(columns, orderColumn));
}

const TAB = 0x09;
const LINE_FEED = 0x0a;

class TextRows implements TextRowFormat {
  readonly name = 'text';
  readonly #columns: readonly EncodedColumn[];
  #isWriting = false;

  constructor(columns: readonly EncodedColumn[]) {
    this.#columns = columns;
  }

  write(out: ByteWriter, row: object): void {
    // A getter or a toJSON of the row may call: its row would stand in the middle of this one.
    if (this.#isWriting) throw new Error('a row cannot be written while another one is read');
    const start = out.length;
    let name = '';
    this.#isWriting = true;
    try {
      for (const [index, column] of this.#columns.entries()) {
        if (index > 0) out.uint8(TAB);
        name = column.name;
        out.utf8(fieldOf(column, (row as Readonly<Record<string, unknown>>)[name]));
      }
      out.uint8(LINE_FEED);
    } catch (error) {
      out.truncate(start);
      throw rowErrorOf(name, error);
    } finally {
      this.#isWriting = false;
    }
  }

  hashKey(bytes: Buffer, start: number): number {
    let hash = 0;
    for (const [index, { isKey, codec }] of this.#columns.entries()) {
      if (!isKey) continue;
      const field = this.#binary(bytes, start, index);
      const rule = codec.key?.hash ?? hashBytes;
      hash = rule(field.bytes, field.at, field.length, hash);
    }
    return finishHash(hash);
  }

  compareKeys(a: Buffer, aStart: number, b: Buffer, bStart: number): number {
    for (const [index, { isKey, codec }] of this.#columns.entries()) {
      if (!isKey) continue;
      const rule = codec.key?.compare ?? compareBytes;
      const order = rule(this.#binary(a, aStart, index), this.#binary(b, bStart, index));
      if (order !== 0) return order;
    }
    return 0;
  }

  orderOf(bytes: Buffer, start: number): number | bigint {
    const column = this.#columns.findIndex(({ isOrder }) => isOrder);
    if (column === -1) return 0;
    const field = this.#binary(bytes, start, column);
    return this.#columns[column]?.codec.orderOf?.(field.bytes, field.at) ?? 0;
  }

  read(bytes: Buffer, start: number): DecodedRow {
    let from = start;
    const fields = this.#columns.map(({ name, codec }): [string, PgValue] => {
      const end = endOfField(bytes, from);
      const text = textOf(bytes, from, end);
      from = end + 1;
      return [name, text === null ? null : codec.parse(text)];
    });
    return Object.fromEntries(fields);
  }

  fieldText(bytes: Buffer, start: number, column: number): string | null {
    let from = start;
    for (let index = 0; index < column; index += 1) from = endOfField(bytes, from) + 1;
    return textOf(bytes, from, endOfField(bytes, from));
  }

  /** A field in its binary form, in which keys and places are told. */
  #binary(bytes: Buffer, start: number, column: number): Field {
    const text = this.fieldText(bytes, start, column);
    const out = new ByteWriter(64);
    const { codec } = this.#columns[column] ?? {};
    if (text !== null) codec?.write(out, codec.parse(text));
    return { bytes: out.bytes, at: 4, length: Math.max(0, out.length - 4) };
  }
}

const NULL = '\\N';
/** Characters that COPY takes for its own, by the letter of their escape. */
const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['\\', '\\'],
  ['\t', 't'],
  ['\n', 'n'],
  ['\r', 'r'],
]);
const LETTERS = new Map([...ESCAPES].map(([character, letter]) => [letter, character]));

const SPECIAL = /[\\\t\n\r]/;
const EVERY_SPECIAL = /[\\\t\n\r]/g;

function fieldOf(column: EncodedColumn, value: unknown): string {
  if (value === null || value === undefined) {
    requireNullable(column);
    return NULL;
  }
  if (column.isOrder && Number.isNaN(value)) throw noPlace();
  const text = column.codec.text(value);
  return SPECIAL.test(text)
    ? text.replaceAll(EVERY_SPECIAL, (character) => `\\${ESCAPES.get(character) ?? ''}`)
    : text;
}

/** A TAB or a line feed of a value is escaped, so the next one ends the field. */
function endOfField(bytes: Buffer, from: number): number {
  let end = from;
  while (bytes[end] !== TAB && bytes[end] !== LINE_FEED) end += 1;
  return end;
}

function textOf(bytes: Buffer, from: number, end: number): string | null {
  const text = bytes.toString('utf8', from, end);
  return text === NULL ? null : text.replace(/\\(.)/g, (_, letter: string) => unescaped(letter));
}

function unescaped(letter: string): string {
  return LETTERS.get(letter) ?? letter;
}
