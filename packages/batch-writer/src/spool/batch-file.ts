import { crc32 } from 'node:zlib';
import type { Batch, Range } from '../blocks/batch.ts';
import { SpoolDamagedError } from '../errors.ts';
import type { Whereabouts } from '../sending/whereabouts.ts';

/** What is left to do of a batch. */
export interface Todo extends Range {
  readonly meetsConflict: boolean;
  /** A transaction that may have been committed, and the rows that the table then took. */
  readonly doubt: { readonly where: Whereabouts | undefined; readonly stored: number } | undefined;
}

/** A batch as it lies in a file. */
export interface FiledBatch {
  readonly batch: Batch;
  /** What is to be sent, the next one last. Undefined: all of it. */
  readonly todo: readonly Todo[] | undefined;
}

interface Header {
  readonly id: string;
  /** Of the table, its columns and their types: rows of another shape cannot be read as ours. */
  readonly shape: string;
  readonly rows: number;
  readonly winners: number;
  readonly losersOf: readonly (readonly [number, readonly number[]])[];
  readonly todo: readonly Todo[] | undefined;
}

/**
 * A file: `HFB1`, CRC-32 of all that follows, length of the header, the header as JSON, where each row ends as uint32, the
 * rows. Numbers are little-endian.
 */
const MAGIC = Buffer.from('HFB1');
const PREAMBLE_BYTES = 12;

export function encodeBatchFile({ batch, todo }: FiledBatch, shape: string): Buffer[] {
  const { id, offsets, winners, losersOf, bytes } = batch;
  const rows = offsets.length - 1;
  const header: Header = { id, shape, rows, winners, losersOf: [...(losersOf ?? [])], todo };
  const json = Buffer.from(JSON.stringify(header));
  const ends = Buffer.allocUnsafe(4 * rows);
  for (let row = 0; row < rows; row++) ends.writeUInt32LE(offsets[row + 1] ?? 0, 4 * row);
  const preamble = Buffer.alloc(PREAMBLE_BYTES);
  MAGIC.copy(preamble);
  preamble.writeUInt32LE(json.length, 8);
  const checked = [preamble.subarray(8), json, ends, bytes];
  preamble.writeUInt32LE(
    checked.reduce((sum, part) => crc32(part, sum), 0),
    4,
  );
  return [preamble, json, ends, bytes];
}

/** @throws {SpoolDamagedError} when the file is not as it was written, or holds rows of another shape. */
export function decodeBatchFile(file: string, content: Buffer, shape: string): FiledBatch {
  const isWhole =
    content.length >= PREAMBLE_BYTES &&
    content.subarray(0, 4).equals(MAGIC) &&
    crc32(content.subarray(8)) === content.readUInt32LE(4);
  if (!isWhole) throw new SpoolDamagedError(file, 'its checksum is wrong');
  const endsAt = PREAMBLE_BYTES + content.readUInt32LE(8);
  const header = JSON.parse(content.toString('utf8', PREAMBLE_BYTES, endsAt)) as Header;
  if (header.shape !== shape) {
    throw new SpoolDamagedError(file, 'it was written for another table, other columns or types');
  }
  const offsets = new Uint32Array(header.rows + 1);
  for (let row = 0; row < header.rows; row++) {
    offsets[row + 1] = content.readUInt32LE(endsAt + 4 * row);
  }
  const batch: Batch = {
    id: header.id,
    bytes: content.subarray(endsAt + 4 * header.rows),
    offsets,
    winners: header.winners,
    losersOf: header.losersOf.length === 0 ? undefined : new Map(header.losersOf),
    waiters: undefined,
    oldestAtMs: 0,
  };
  return { batch, todo: header.todo };
}
