import { createBatchWriter, type CloseReport, type PgPoolLike } from '@holdfast/batch-writer';

interface Reading {
  readonly node_id: number;
  readonly ts: Date;
  readonly value: number;
}

/** Needs a table `readings` with a unique index on (node_id, ts); `pool` is a `pg.Pool`. */
export async function storeReadings(
  pool: PgPoolLike,
  readings: AsyncIterable<Reading>,
): Promise<CloseReport<Reading>> {
  const writer = createBatchWriter<Reading>({
    pool,
    table: 'readings',
    columns: { node_id: 'int8', ts: 'timestamptz', value: 'float8' },
    key: ['node_id', 'ts'],
  });
  for await (const reading of readings) await writer.write(reading);
  return writer.close();
}
