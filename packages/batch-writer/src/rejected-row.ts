import type { Rejection } from './batch-in-flight.ts';
import type { RejectedRow } from './batch-writer.ts';

/** What the caller is told about a row that the database refused. */
export function toRejectedRow<Row extends object>({
  row,
  error,
  failure,
}: Rejection): RejectedRow<Row> {
  return {
    row: row.row as Row,
    reason: error instanceof Error ? error.message : String(error),
    sqlstate: failure.sqlstate,
    column: failure.column,
    constraint: failure.constraint,
  };
}
