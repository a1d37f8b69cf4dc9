import { requireText } from '@holdfast/internal';
import type { BatchWriter, BatchWriterOptions, NewerThan } from './batch-writer.ts';
import { createBatchWriter } from './create-batch-writer.ts';

export interface UpsertLatestOptions<Row extends object> extends Omit<
  BatchWriterOptions<Row>,
  'key' | 'onConflict'
> {
  /** Columns of a unique index: one row of the table each. */
  readonly key: readonly (keyof Row & string)[];
  /** What makes a row newer than the stored one. */
  readonly newerThan: (keyof Row & string) | NewerThan<keyof Row & string>;
}

/**
 * Creates a writer that keeps one row a key, the newest: a row that comes late never overwrites a newer one, neither in the
 * table nor in its batch. A row that changes nothing counts as `duplicate`, one that lost within its batch as `superseded`.
 *
 * @throws {TypeError | RangeError} as `createBatchWriter`.
 */
export function upsertLatest<Row extends object>({
  newerThan,
  ...options
}: UpsertLatestOptions<Row>): BatchWriter<Row> {
  // Without it every row would overwrite the stored one.
  if (typeof newerThan !== 'object') requireText('newerThan', newerThan);
  if ((options.key as unknown) === undefined) {
    throw new TypeError('key must be an array of at least one column of a unique index');
  }
  return createBatchWriter<Row>({ ...options, onConflict: { newerThan } });
}
