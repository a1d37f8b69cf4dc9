import type { HlcClock } from './hlc.ts';
import type { Hlc } from './op.ts';
import type { OutboxRows } from './outbox-store.ts';

/** How far ahead times are reserved, milliseconds: as far ahead a clock may begin after a restart. */
const RESERVED_MS = 1000;

/**
 * Keeps the clock from running backwards over a restart: a time that is later than those of all edits is durable before
 * they are. Times are reserved ahead, so that few appends write it.
 */
export class HlcReservation {
  readonly #hlc: HlcClock;
  readonly #aheadMs: number;
  /** The latest that was written: a later write must not bring it back, though the wall clock may have been. */
  #latest: Hlc = '';
  /** The latest that is known to be durable. */
  #durable: Hlc = '';

  constructor(hlc: HlcClock, maxDriftMs: number) {
    this.#hlc = hlc;
    // A restart alone must not take this clock out of what others accept.
    this.#aheadMs = Math.min(RESERVED_MS, maxDriftMs / 2);
  }

  /** In the transaction that makes an edit of the time `at` durable. What it returns is for `confirm`. */
  cover(rows: OutboxRows, at: Hlc): Hlc {
    if (at < this.#durable) return this.#durable;
    if (at >= this.#latest) this.#latest = this.#hlc.horizon(this.#aheadMs);
    rows.setMeta('hlc', this.#latest);
    return this.#latest;
  }

  /** That transaction was committed. */
  confirm(reserved: Hlc): void {
    if (reserved > this.#durable) this.#durable = reserved;
  }
}
