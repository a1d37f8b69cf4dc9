import type { Deferred } from '@holdfast/internal';
import type { RowResult } from '../row-outcome.ts';

/**
 * Rows that are written together, encoded, in the order in which they are sent. The first `winners` rows have keys of their
 * own; behind them stand the rows that lose against one of them because it has the same key.
 */
export interface Batch {
  /** A UUID: what the ledger and the spool know it by. */
  readonly id: string;
  readonly bytes: Buffer;
  /** Where each row begins; one more entry says where the last one ends. */
  readonly offsets: Uint32Array;
  readonly winners: number;
  /** By the row that they lose against: its losers, the next to be tried first. Undefined: none. */
  readonly losersOf: Map<number, readonly number[]> | undefined;
  /** By row, who waits for what becomes of it. */
  readonly waiters: ReadonlyMap<number, Deferred<RowResult<object>>> | undefined;
  readonly oldestAtMs: number;
}

/** Neighbouring rows of a batch, from `from` up to `to`, which is not among them. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

export function rowsOf({ offsets }: Batch): number {
  return offsets.length - 1;
}

export function bytesOf(batch: Batch, { from, to }: Range): Buffer {
  return batch.bytes.subarray(batch.offsets[from], batch.offsets[to]);
}
