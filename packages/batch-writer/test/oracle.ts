import type { BatchWriter, CloseReport, WriterSnapshot } from '@holdfast/batch-writer';
import { expect } from 'vitest';

/** The account of a closed writer: every accepted row is in exactly one column. */
export function expectAccounted(report: CloseReport<object>): void {
  const { accepted, recovered, stored, duplicate, superseded, rejected, spooled, returned } =
    report;
  const settled = stored + duplicate + superseded + rejected;
  expect(settled + spooled + returned.length).toBe(accepted + recovered);
}

/** The account of a running writer: what is not settled is held. */
export function expectConsistent(snapshot: WriterSnapshot): void {
  const { accepted, stored, duplicate, superseded, rejected, returned, bufferedRows } = snapshot;
  expect(stored + duplicate + superseded + rejected + returned + bufferedRows).toBe(accepted);
}

/** Writes a row for which there must be room. */
export function writeNow<Row extends object>(writer: BatchWriter<Row>, row: Row): void {
  expect(writer.write(row)).toBe(true);
}
