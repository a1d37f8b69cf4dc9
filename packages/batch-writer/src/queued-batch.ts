import type { Batch } from './blocks/batch.ts';
import type { SpooledBatch } from './spool/spool.ts';

/** A batch that waits for its lane: held in memory, or on disk. */
export type QueuedBatch =
  | { readonly kind: 'held'; readonly batch: Batch; readonly number: number }
  | {
      readonly kind: 'spooled';
      readonly spooled: SpooledBatch;
      /** Left by an earlier writer: some of it may be in the table. */
      readonly isRecovered: boolean;
    };
