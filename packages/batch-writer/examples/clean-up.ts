import {
  removeDuplicates,
  type PgPoolLike,
  type RemoveDuplicatesReport,
} from '@holdfast/batch-writer';

/** Leaves the newest row of each (node_id, ts) in `readings`, and sees to it that it stays the only one. */
export async function cleanUp(
  pool: PgPoolLike,
  signal: AbortSignal,
): Promise<RemoveDuplicatesReport> {
  return removeDuplicates({
    pool,
    table: 'readings',
    key: ['node_id', 'ts'],
    keep: { orderBy: 'stored_at', direction: 'desc' },
    archiveTo: 'readings_removed',
    thenUniqueIndex: { name: 'readings_node_id_ts_key' },
    signal,
    onProgress({ phase, attempt, done, duplicates }) {
      const found = phase === 'delete' ? `, ${done} of ${duplicates} duplicates` : '';
      console.log(`attempt ${attempt}, ${phase}${found}`);
    },
  });
}
