import { codecOf } from '../rows/codecs.ts';
import type { ColumnSpec, PgType } from '../rows/pg-types.ts';
import type { BinaryRowFormat, RowFormat } from '../rows/row-format.ts';
import type { OpenBlock } from './open-block.ts';

/**
 * The order in which every process sends rows, so that none waits for another in a circle: a function of the key alone.
 * Rows that have all columns of the key but the last in common stand together, by the last one ascending, so neighbours
 * fall on the same pages of the index.
 */
export class KeyOrder {
  readonly #format: RowFormat;
  readonly #block: OpenBlock;
  /** Of each row, a hash of its key without the last column. */
  readonly #groups: Uint32Array;
  /** Of each row, a number that never falls while the last column of the key rises. */
  readonly #ranks: Float64Array;

  constructor(format: RowFormat, columns: readonly ColumnSpec[], block: OpenBlock) {
    this.#format = format;
    this.#block = block;
    this.#groups = new Uint32Array(block.rows);
    this.#ranks = new Float64Array(block.rows);
    if (format.name === 'binary') this.#place(format, columns);
  }

  /** Sorts rows by key, those of the same key in the order in which they were written. */
  sort(rows: Uint32Array): void {
    rows.sort((a, b) => this.compare(a, b) || a - b);
  }

  /** Below, equal to or above 0, as the key of row `a` stands to the key of row `b`. */
  compare(a: number, b: number): number {
    const groups = (this.#groups[a] ?? 0) - (this.#groups[b] ?? 0);
    if (groups !== 0) return groups;
    const rankA = this.#ranks[a] ?? 0;
    const rankB = this.#ranks[b] ?? 0;
    if (rankA !== rankB) return rankA < rankB ? -1 : 1;
    const { buffer } = this.#block;
    return this.#format.compareKeys(buffer, this.#block.start(a), buffer, this.#block.start(b));
  }

  #place(format: BinaryRowFormat, columns: readonly ColumnSpec[]): void {
    const key = columns.flatMap(({ isKey, type }, index) => (isKey ? [{ index, type }] : []));
    const last = key.at(-1);
    if (last === undefined) return;
    // Equal values of the others may differ in their bytes.
    const group = key.slice(0, -1).filter(({ type }) => codecOf(type).isBytewise);
    const { buffer } = this.#block;
    for (let row = 0; row < this.#groups.length; row++) {
      const start = this.#block.start(row);
      let hash = FNV_OFFSET;
      for (const { index } of group)
        hash = hashField(hash, buffer, format.fieldStart(buffer, start, index));
      this.#groups[row] = hash;
      this.#ranks[row] = rankOf(last.type, buffer, format.fieldStart(buffer, start, last.index));
    }
  }
}

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/** FNV-1a over the bytes of a field. */
function hashField(seed: number, bytes: Buffer, at: number): number {
  const end = at + 4 + bytes.readInt32BE(at);
  let hash = seed;
  for (let index = at + 4; index < end; index++)
    hash = Math.imul(hash ^ (bytes[index] ?? 0), FNV_PRIME);
  return hash;
}

/** Equal values have equal ranks. Where a number cannot tell values apart, their ranks are equal. */
function rankOf(type: PgType, bytes: Buffer, at: number): number {
  switch (type) {
    case 'int2':
      return bytes.readInt16BE(at + 4);
    case 'int4':
    case 'date':
      return bytes.readInt32BE(at + 4);
    case 'int8':
    case 'timestamp':
    case 'timestamptz':
      return bytes.readInt32BE(at + 4) * 2 ** 32 + bytes.readUInt32BE(at + 8);
    case 'float4':
      return floatRank(bytes.readFloatBE(at + 4));
    case 'float8':
      return floatRank(bytes.readDoubleBE(at + 4));
    case 'text':
    case 'uuid':
    case 'bytea':
      return prefixRank(bytes, at);
    default:
      return 0;
  }
}

/** NaN is the greatest in PostgreSQL, and equal to itself. */
function floatRank(value: number): number {
  return Number.isNaN(value) ? Infinity : value;
}

/** The first bytes, as many as a number holds exactly. */
function prefixRank(bytes: Buffer, at: number): number {
  const length = Math.min(bytes.readInt32BE(at), 6);
  return length === 0 ? 0 : bytes.readUIntBE(at + 4, length) * 256 ** (6 - length);
}
