/** Where a run begins: its first transaction must be short on a slow disk, too. */
export const FIRST_CHUNK_ROWS = 500;

export interface ChunkLimits {
  readonly chunkRows: number;
  readonly maxTxMs: number;
}

/**
 * Rows of the next chunk. It aims at a quarter of `maxTxMs`, so that one that happens to be four times as slow still fits, and
 * grows twofold at most: a chunk that met warm pages says little of the next.
 */
export function nextChunkRows(
  rows: number,
  tookMs: number,
  { chunkRows, maxTxMs }: ChunkLimits,
): number {
  const fitting = (rows * (maxTxMs / 4)) / Math.max(tookMs, 0.001);
  return Math.max(1, Math.min(chunkRows, rows * 2, Math.floor(fitting)));
}
