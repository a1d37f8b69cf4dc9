import { allRows, decodeRow } from './batch-in-flight.ts';
import type { Batch } from './blocks/batch.ts';
import type { Leftover } from './lane.ts';
import type { DecodedRow } from './row-outcome.ts';
import type { RowFormat } from './rows/row-format.ts';

/** The rows that lanes have left, and how many of them may be in the table all the same. */
export function gatherUnsettled<Row extends object>(
  leftovers: readonly Leftover[],
  format: RowFormat,
): { readonly rows: DecodedRow<Row>[]; readonly unknown: number } {
  const rows: DecodedRow<Row>[] = [];
  let unknown = 0;
  const gather = (batch: Batch, places: readonly number[]): void => {
    for (const place of places) rows.push(decodeRow<Row>(batch, place, format));
  };
  for (const { inFlight, queue } of leftovers) {
    if (inFlight !== undefined) {
      const unsettled = inFlight.unsettled();
      unknown += unsettled.unknown;
      gather(inFlight.batch, unsettled.rows);
    }
    for (const queued of queue) {
      if (queued.kind === 'held') gather(queued.batch, allRows(queued.batch));
    }
  }
  return { rows, unknown };
}
