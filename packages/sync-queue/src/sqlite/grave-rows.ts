import type { DeadPage, QueueSettings, StoredDead } from '../store.ts';
import type { ItemFacts, ItemRow, QueueRow } from './rows.ts';
import type { Statements } from './statements.ts';

/** Dead letters that expire in one call at most. */
const MOST_EXPIRED = 64;

/** The dead letters of a queue, within their own budget. */
export class GraveRows {
  readonly #sql: Statements;
  readonly #queue: string;
  readonly #row: QueueRow;
  readonly #settings: QueueSettings['dead'];

  constructor(
    sql: Statements,
    {
      queue,
      row,
      settings,
    }: { readonly queue: string; readonly row: QueueRow; readonly settings: QueueSettings['dead'] },
  ) {
    this.#sql = sql;
    this.#queue = queue;
    this.#row = row;
    this.#settings = settings;
  }

  hasRoomFor(payloadBytes: number): boolean {
    const { maxCount, maxBytes } = this.#settings;
    return this.#row.dead_count < maxCount && this.#row.dead_bytes + payloadBytes <= maxBytes;
  }

  /** Whether all of them fit at once, what may be dropped left out of account. */
  canTake(items: readonly ItemFacts[]): boolean {
    const { maxCount, maxBytes, whenFull } = this.#settings;
    const bytes = items.reduce((sum, item) => sum + item.bytes, 0);
    const isDropping = whenFull === 'drop-oldest';
    const count = (isDropping ? 0 : this.#row.dead_count) + items.length;
    return count <= maxCount && (isDropping ? 0 : this.#row.dead_bytes) + bytes <= maxBytes;
  }

  /** The oldest ones, for as long as there is no room and they may be dropped for it. Each is to be deleted before the next. */
  *inTheWayOf(payloadBytes: number): Generator<ItemFacts> {
    const { whenFull, maxBytes } = this.#settings;
    if (whenFull !== 'drop-oldest' || payloadBytes > maxBytes) return;
    while (!this.hasRoomFor(payloadBytes)) {
      const [oldest] = this.#oldest(Number.MAX_SAFE_INTEGER, 1);
      if (oldest === undefined) return;
      yield oldest;
    }
  }

  diedBefore(untilMs: number): ItemFacts[] {
    return this.#oldest(Math.floor(untilMs), MOST_EXPIRED);
  }

  add({ id, bytes }: ItemFacts, reason: string, nowMs: number): void {
    this.#sql.bury.run([id, nowMs, reason]);
    this.#row.dead_count += 1;
    this.#row.dead_bytes += bytes;
  }

  /** It is no longer among the dead; where it goes is the caller's. */
  remove({ bytes }: ItemFacts): void {
    this.#row.dead_count -= 1;
    this.#row.dead_bytes -= bytes;
  }

  page({
    limit,
    after,
  }: {
    readonly limit: number;
    readonly after?: string | undefined;
  }): DeadPage {
    const [afterMs = -1, afterId = 0] = after?.split(':').map(Number) ?? [];
    const rows = this.#sql.dead.all([this.#queue, afterMs, afterId, limit + 1]) as ItemRow[];
    const letters = rows.slice(0, limit);
    const last = letters.at(-1);
    return {
      letters: letters.map(toStoredDead),
      next: rows.length > limit && last !== undefined ? `${last.place}:${last.id}` : undefined,
    };
  }

  #oldest(untilMs: number, limit: number): ItemFacts[] {
    return this.#sql.due.all([this.#queue, 'dead', untilMs, limit]) as ItemFacts[];
  }
}

function toStoredDead(row: ItemRow): StoredDead {
  const { id, attempt, priority, key, reason, enqueued_ms: enqueuedAtMs, place, payload } = row;
  return {
    ...{ id: String(id), attempt, priority, key: key ?? undefined, reason, enqueuedAtMs },
    payload: new Uint8Array(payload),
    diedAtMs: place,
  };
}
