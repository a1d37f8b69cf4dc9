import { RateBucket } from '../rate-bucket.ts';
import type { QueueSettings } from '../store.ts';
import type { QueueRow } from './rows.ts';

/** The bucket of the rate, kept in the row of its queue. */
export class RateRow {
  readonly #row: QueueRow;
  readonly #bucket: RateBucket | undefined;

  constructor(row: QueueRow, rate: QueueSettings['rate']) {
    this.#row = row;
    this.#bucket = rate === undefined ? undefined : new RateBucket(rate, row.rate_full_ms);
  }

  available(nowMs: number): number {
    return this.#bucket?.available(nowMs) ?? Infinity;
  }

  take(count: number, nowMs: number): void {
    if (this.#bucket === undefined || count === 0) return;
    this.#bucket.take(count, nowMs);
    this.#row.rate_full_ms = this.#bucket.fullAtMs;
  }

  /** Milliseconds until there is a permit; `Infinity` when there is one, for then there is nothing to wait for. */
  waitMs(nowMs: number): number {
    return (this.#bucket?.waitMs(nowMs) ?? 0) || Infinity;
  }
}
