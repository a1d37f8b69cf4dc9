import { LEASES_RAN_OUT, MAX_ITEMS_PER_CALL } from '../store.ts';
import type {
  Claim,
  ClaimedItem,
  DeadSelection,
  EnqueueVerdict,
  Lease,
  NewItem,
  Settlement,
  StoredDead,
  StoreStats,
} from '../store.ts';
import type { Statements } from './statements.ts';

interface QueueRow {
  count: number;
  bytes: number;
  head: number;
  tail: number;
}

interface ItemRow {
  readonly id: string;
  readonly attempt: number;
  readonly tries_from: number;
  readonly enqueued_ms: number;
  /** When the item is dead. */
  readonly place: number;
  readonly reason: string;
  readonly payload: ArrayBuffer;
}

/** The store's calls as statements; each is to run in one transaction, those that only read excepted. */
export class Items {
  readonly #sql: Statements;
  readonly #now: () => number;

  constructor(statements: Statements, now: () => number) {
    this.#sql = statements;
    this.#now = now;
  }

  enqueue(
    queue: string,
    items: readonly NewItem[],
    { maxCount, maxBytes }: { readonly maxCount: number; readonly maxBytes: number },
  ): EnqueueVerdict[] {
    const now = this.#now();
    return this.#withQueue(queue, (state) =>
      items.map(({ id, payload, delayMs }) => {
        if (this.#sql.has.get([queue, id]) !== undefined) return 'duplicate';
        if (state.count >= maxCount || state.bytes + payload.length > maxBytes) return 'full';
        state.count += 1;
        state.bytes += payload.length;
        const isReady = delayMs <= 0;
        const place = isReady ? ++state.tail : Math.ceil(now + delayMs);
        this.#sql.insert.run([queue, id, isReady ? 'ready' : 'delayed', place, now, payload]);
        return 'accepted';
      }),
    );
  }

  /** `work` when a claim would find something, else the time until it will, undefined when nothing is timed. */
  idleFor(queue: string): 'work' | number | undefined {
    if (this.#firstPlace(queue, 'ready') !== undefined) return 'work';
    const next = this.#nextTimedInMs(queue);
    return next !== undefined && next <= 0 ? 'work' : next;
  }

  claim(
    queue: string,
    request: { readonly maxItems: number; readonly leaseMs: number; readonly maxTries: number },
  ): Claim {
    const now = this.#now();
    return this.#withQueue(queue, (state) => {
      const died = this.#takeBackExpired(queue, state, request.maxTries);
      for (const { id } of this.#due(queue, 'delayed')) {
        this.#sql.move.run([queue, id, 'ready', ++state.tail, null]);
      }
      const rows = this.#sql.ready.all([queue, request.maxItems]) as ItemRow[];
      const items = rows.map((row): ClaimedItem => {
        this.#sql.lease.run([queue, row.id, Math.ceil(now + request.leaseMs)]);
        const attempt = row.attempt + 1;
        const tries = attempt - row.tries_from;
        const payload = new Uint8Array(row.payload);
        return { id: row.id, attempt, tries, enqueuedAtMs: row.enqueued_ms, payload };
      });
      return { items, died, nextInMs: this.#nextTimedInMs(queue) };
    });
  }

  settle(queue: string, settlements: readonly Settlement[]): boolean[] {
    return this.#withQueue(queue, (state) =>
      settlements.map((settlement) => {
        const { id, attempt } = settlement;
        const held = this.#sql.leased.get([queue, id, attempt]) as { bytes: number } | undefined;
        if (held !== undefined) this.#settleOne(queue, state, settlement, held.bytes);
        return held !== undefined;
      }),
    );
  }

  extend(queue: string, leases: readonly Lease[], leaseMs: number): boolean[] {
    const until = Math.ceil(this.#now() + leaseMs);
    return leases.map(({ id, attempt }) => {
      const isHeld = this.#sql.leased.get([queue, id, attempt]) !== undefined;
      if (isHeld) this.#sql.move.run([queue, id, 'leased', until, null]);
      return isHeld;
    });
  }

  stats(queue: string): StoreStats {
    const rows = this.#sql.states.all([queue]) as { state: string; count: number }[];
    const counts = new Map(rows.map(({ state, count }) => [state, count]));
    const state = this.#sql.queue.get([queue]) as QueueRow | undefined;
    return {
      ready: counts.get('ready') ?? 0,
      delayed: counts.get('delayed') ?? 0,
      leased: counts.get('leased') ?? 0,
      dead: counts.get('dead') ?? 0,
      bytes: state?.bytes ?? 0,
    };
  }

  listDead(queue: string, limit: number): StoredDead[] {
    const rows = this.#sql.dead.all([queue, limit]) as ItemRow[];
    return rows.map(({ id, attempt, reason, enqueued_ms, place, payload }) => ({
      id,
      attempt,
      reason,
      payload: new Uint8Array(payload),
      enqueuedAtMs: enqueued_ms,
      diedAtMs: place,
    }));
  }

  redrive(queue: string, selection: DeadSelection): number {
    return this.#withQueue(queue, (state) => {
      const dead = this.#selectDead(queue, selection);
      for (const { id } of dead) this.#sql.redrive.run([queue, id, ++state.tail]);
      return dead.length;
    });
  }

  purge(queue: string, selection: DeadSelection): number {
    return this.#withQueue(queue, (state) => {
      const dead = this.#selectDead(queue, selection);
      for (const { id, bytes } of dead) this.#remove(queue, state, id, bytes);
      return dead.length;
    });
  }

  /** Reads the counters of the queue, and writes them back after `work` has changed them. */
  #withQueue<T>(queue: string, work: (state: QueueRow) => T): T {
    this.#sql.addQueue.run([queue]);
    const { count, bytes, head, tail } = this.#sql.queue.get([queue]) as QueueRow;
    const state = { count, bytes, head, tail };
    const result = work(state);
    this.#sql.updateQueue.run([queue, state.count, state.bytes, state.head, state.tail]);
    return result;
  }

  #settleOne(queue: string, state: QueueRow, settlement: Settlement, bytes: number): void {
    const { id } = settlement;
    switch (settlement.status) {
      case 'ack':
        this.#remove(queue, state, id, bytes);
        return;
      case 'retry': {
        const { delayMs } = settlement;
        if (delayMs <= 0) this.#sql.move.run([queue, id, 'ready', ++state.tail, null]);
        else this.#sql.move.run([queue, id, 'delayed', Math.ceil(this.#now() + delayMs), null]);
        return;
      }
      case 'release':
        this.#sql.move.run([queue, id, 'ready', --state.head, null]);
        return;
      case 'dead':
        this.#sql.move.run([queue, id, 'dead', this.#now(), settlement.reason]);
        return;
      default: {
        const impossible: never = settlement;
        return impossible;
      }
    }
  }

  #takeBackExpired(queue: string, state: QueueRow, maxTries: number): Lease[] {
    const died: Lease[] = [];
    // From the last to the first, so that putting each in front keeps their order.
    for (const { id, attempt, tries_from } of this.#due(queue, 'leased').reverse()) {
      if (attempt - tries_from >= maxTries) {
        this.#sql.move.run([queue, id, 'dead', this.#now(), LEASES_RAN_OUT]);
        died.push({ id, attempt });
      } else {
        this.#sql.move.run([queue, id, 'ready', --state.head, null]);
      }
    }
    return died;
  }

  #remove(queue: string, state: QueueRow, id: string, bytes: number): void {
    this.#sql.remove.run([queue, id]);
    state.count -= 1;
    state.bytes -= bytes;
  }

  #due(queue: string, state: 'delayed' | 'leased'): ItemRow[] {
    return this.#sql.due.all([queue, state, this.#now(), MAX_ITEMS_PER_CALL]) as ItemRow[];
  }

  #nextTimedInMs(queue: string): number | undefined {
    const delayed = this.#firstPlace(queue, 'delayed') ?? Infinity;
    const leased = this.#firstPlace(queue, 'leased') ?? Infinity;
    const next = Math.min(delayed, leased);
    return next === Infinity ? undefined : next - this.#now();
  }

  #firstPlace(queue: string, state: string): number | undefined {
    const row = this.#sql.first.get([queue, state]) as { readonly place: number | null };
    return row.place ?? undefined;
  }

  #selectDead(queue: string, selection: DeadSelection): { id: string; bytes: number }[] {
    const found =
      'ids' in selection
        ? this.#sql.deadById.all([queue, JSON.stringify(selection.ids)])
        : this.#sql.oldestDead.all([queue, selection.oldest]);
    return found as { id: string; bytes: number }[];
  }
}
