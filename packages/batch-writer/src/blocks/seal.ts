import { randomUUID } from 'node:crypto';
import type { Deferred } from '@holdfast/internal';
import type { RowResult } from '../row-outcome.ts';
import type { ColumnSpec } from '../rows/pg-types.ts';
import type { RowFormat } from '../rows/row-format.ts';
import type { Batch } from './batch.ts';
import { KeyOrder } from './key-order.ts';
import type { OpenBlock } from './open-block.ts';

export interface SealRules {
  readonly format: RowFormat;
  readonly columns: readonly ColumnSpec[];
  /** False: rows have no key, so they keep their order and any lane may take them. */
  readonly isKeyed: boolean;
  /**
   * Which row of a key is sent: the first or last that was written, or the latest by the format's order column, of equally
   * late ones the first or the last. `all`: the table refuses those that come behind, and says so of each.
   */
  readonly wins: 'all' | 'first' | 'last' | 'latest-first' | 'latest-last';
  readonly lanes: number;
  readonly maxRows: number;
  readonly maxBytes: number;
}

/** Rows of the block in the order in which they are sent. */
interface Selection {
  readonly winners: Uint32Array;
  /** By winner, the rows of the same key that lose against it, the next to be tried first. */
  readonly losersOf: ReadonlyMap<number, readonly number[]>;
}

/** Divides the rows of a block among the lanes, by key, and copies them into batches that are ready to be sent. */
export function sealBlock(block: OpenBlock, rules: SealRules): Batch[][] {
  if (!rules.isKeyed) {
    const winners = Uint32Array.from({ length: block.rows }, (_, row) => row);
    return [inBatches(block, { winners, losersOf: new Map() }, rules)];
  }
  const order = new KeyOrder(rules.format, rules.columns, block);
  return rowsByLane(block, rules).map((rows) => {
    order.sort(rows);
    if (rules.wins === 'all') {
      return inBatches(block, { winners: rows, losersOf: new Map() }, rules);
    }
    return inBatches(block, selectWinners(block, rows, order, rules), rules);
  });
}

function rowsByLane(block: OpenBlock, { format, lanes }: SealRules): Uint32Array[] {
  const laneOf = new Uint8Array(block.rows);
  const counts = new Uint32Array(lanes);
  for (let row = 0; row < block.rows; row++) {
    const lane = format.hashKey(block.buffer, block.start(row), block.end(row)) % lanes;
    laneOf[row] = lane;
    counts[lane] = (counts[lane] ?? 0) + 1;
  }
  const byLane = Array.from(counts, (count) => new Uint32Array(count));
  counts.fill(0);
  for (let row = 0; row < block.rows; row++) {
    const lane = laneOf[row] ?? 0;
    const place = counts[lane] ?? 0;
    counts[lane] = place + 1;
    const own = byLane[lane];
    if (own !== undefined) own[place] = row;
  }
  return byLane;
}

/** One row of each key wins; `rows` are sorted by it. */
function selectWinners(
  block: OpenBlock,
  rows: Uint32Array,
  order: KeyOrder,
  rules: SealRules,
): Selection {
  const losersOf = new Map<number, readonly number[]>();
  let winners = 0;
  for (let first = 0, next = 1; first < rows.length; first = next, next = first + 1) {
    let winner = rows[first] ?? 0;
    while (next < rows.length && order.compare(winner, rows[next] ?? 0) === 0) next += 1;
    if (next > first + 1) {
      const [best, ...losers] = byPreference(block, rows.subarray(first, next), rules);
      winner = best ?? winner;
      losersOf.set(winner, losers);
    }
    // In place: never more winners than rows that have been read.
    rows[winners++] = winner;
  }
  return { winners: rows.subarray(0, winners), losersOf };
}

/** Of rows with one key, in the order in which they were written, the one to be sent first. */
function byPreference(block: OpenBlock, rows: Uint32Array, { format, wins }: SealRules): number[] {
  const written = wins === 'first' || wins === 'latest-first' ? [...rows] : [...rows].reverse();
  if (wins === 'first' || wins === 'last') return written;
  const place = (row: number): number | bigint =>
    format.orderOf(block.buffer, block.start(row), block.end(row));
  // Stable: equally late ones stay as they are.
  return written.sort((a, b) => (place(a) === place(b) ? 0 : place(a) > place(b) ? -1 : 1));
}

function inBatches(block: OpenBlock, { winners, losersOf }: Selection, rules: SealRules): Batch[] {
  const batches: Batch[] = [];
  let from = 0;
  let bytes = 0;
  for (let at = 0; at < winners.length; at++) {
    const row = winners[at] ?? 0;
    const size = bytesOfRow(block, row) + bytesOfRows(block, losersOf.get(row));
    if (at > from && (at - from >= rules.maxRows || bytes + size > rules.maxBytes)) {
      batches.push(createBatch(block, { winners: winners.subarray(from, at), losersOf }, bytes));
      [from, bytes] = [at, 0];
    }
    bytes += size;
  }
  if (winners.length > from) {
    batches.push(createBatch(block, { winners: winners.subarray(from), losersOf }, bytes));
  }
  return batches;
}

function createBatch(block: OpenBlock, { winners, losersOf }: Selection, size: number): Batch {
  // Of its own: a slice of the shared pool of Node.js would keep the whole pool alive.
  const bytes = Buffer.allocUnsafeSlow(size);
  const offsets = new Uint32Array(rowCount(winners, losersOf) + 1);
  const waiters = new Map<number, Deferred<RowResult<object>>>();
  let place = 0;
  let end = 0;
  const put = (row: number): number => {
    end += block.buffer.copy(bytes, end, block.start(row), block.end(row));
    const waiter = block.waiters?.get(row);
    if (waiter !== undefined) waiters.set(place, waiter);
    offsets[place + 1] = end;
    return place++;
  };
  for (const winner of winners) put(winner);
  const losers = new Map<number, readonly number[]>();
  if (losersOf.size > 0) {
    winners.forEach((winner, index) => {
      const rows = losersOf.get(winner);
      if (rows !== undefined) losers.set(index, rows.map(put));
    });
  }
  return {
    id: randomUUID(),
    bytes,
    offsets,
    winners: winners.length,
    losersOf: losers.size === 0 ? undefined : losers,
    waiters: waiters.size === 0 ? undefined : waiters,
    oldestAtMs: block.oldestAtMs ?? 0,
  };
}

function rowCount(winners: Uint32Array, losersOf: Selection['losersOf']): number {
  if (losersOf.size === 0) return winners.length;
  return winners.reduce((sum, row) => sum + (losersOf.get(row)?.length ?? 0), winners.length);
}

function bytesOfRow(block: OpenBlock, row: number): number {
  return block.end(row) - block.start(row);
}

function bytesOfRows(block: OpenBlock, rows: readonly number[] | undefined): number {
  return rows === undefined ? 0 : rows.reduce((sum, row) => sum + bytesOfRow(block, row), 0);
}
