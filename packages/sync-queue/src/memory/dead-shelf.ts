import type { DeadPage, QueueSettings, StoredDead } from '../store.ts';
import { LinkedList } from './linked-list.ts';
import type { MemoryItem } from './memory-item.ts';

/** The dead letters of a queue, within their own budget. */
export class DeadShelf {
  readonly #letters = new LinkedList<MemoryItem>();
  readonly #settings: QueueSettings['dead'];
  #bytes = 0;
  #order = 0;

  constructor(settings: QueueSettings['dead']) {
    this.#settings = settings;
  }

  get count(): number {
    return this.#letters.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  hasRoomFor(payloadBytes: number): boolean {
    const { maxCount, maxBytes } = this.#settings;
    return this.count < maxCount && this.#bytes + payloadBytes <= maxBytes;
  }

  /** Whether all of them fit at once, what may be dropped left out of account. */
  canTake(items: readonly MemoryItem[]): boolean {
    const { maxCount, maxBytes, whenFull } = this.#settings;
    const bytes = items.reduce((sum, { payload }) => sum + payload.length, 0);
    const isDropping = whenFull === 'drop-oldest';
    const count = (isDropping ? 0 : this.count) + items.length;
    return count <= maxCount && (isDropping ? 0 : this.#bytes) + bytes <= maxBytes;
  }

  /** The oldest ones, while there is no room and they may be dropped for it. Each is to be removed before the next. */
  *inTheWayOf(payloadBytes: number): Generator<MemoryItem> {
    const { whenFull, maxBytes } = this.#settings;
    if (whenFull !== 'drop-oldest' || payloadBytes > maxBytes) return;
    while (!this.hasRoomFor(payloadBytes)) {
      const oldest = this.#letters.first;
      if (oldest === undefined) return;
      yield oldest;
    }
  }

  /** Each is to be removed before the next. */
  *diedBefore(wallMs: number): Generator<MemoryItem> {
    for (let oldest = this.#letters.first; oldest !== undefined; oldest = this.#letters.first) {
      if (oldest.diedAtMs > wallMs) return;
      yield oldest;
    }
  }

  add(item: MemoryItem, reason: string, wallNowMs: number): void {
    this.#order += 1;
    item.place = 'dead';
    item.reason = reason;
    item.diedAtMs = wallNowMs;
    item.deadOrder = this.#order;
    this.#letters.pushBack(item.link);
    this.#bytes += item.payload.length;
  }

  remove(item: MemoryItem): void {
    this.#letters.remove(item.link);
    this.#bytes -= item.payload.length;
    item.place = 'gone';
  }

  page({
    limit,
    after,
  }: {
    readonly limit: number;
    readonly after?: string | undefined;
  }): DeadPage {
    const afterOrder = Number(after ?? 0);
    const letters: StoredDead[] = [];
    let last = 0;
    for (const item of this.#letters.fromFront()) {
      if (item.deadOrder <= afterOrder) continue;
      if (letters.length === limit) return { letters, next: String(last) };
      letters.push(toStoredDead(item));
      last = item.deadOrder;
    }
    return { letters, next: undefined };
  }
}

function toStoredDead(item: MemoryItem): StoredDead {
  const { id, attempt, payload, priority, key, reason, enqueuedAtMs, diedAtMs } = item;
  return { id, attempt, payload, priority, key, reason, enqueuedAtMs, diedAtMs };
}
