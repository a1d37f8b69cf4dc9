import { upsertLatest, type BatchWriter, type PgPoolLike } from '@holdfast/batch-writer';

interface Latest {
  readonly node_id: number;
  readonly ts: Date;
  readonly value: number;
}

/** One row a node; a reading that comes late never overwrites a newer one. */
export function createLatestWriter(
  pool: PgPoolLike,
  deadLetter: (text: string) => Promise<void>,
): BatchWriter<Latest> {
  return upsertLatest<Latest>({
    pool,
    table: 'latest',
    columns: { node_id: 'int8', ts: 'timestamptz', value: 'float8' },
    key: ['node_id'],
    newerThan: 'ts',
    async onRejected(rows) {
      for (const { row, reason } of rows) await deadLetter(`node ${row.node_id}: ${reason}`);
    },
  });
}
