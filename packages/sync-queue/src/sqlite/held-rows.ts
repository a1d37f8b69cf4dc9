import type { AdmittingStore } from '../admit-item.ts';
import {
  crashDelayMs,
  EVICTED,
  KEPT_DELAY_MS,
  LEASES_RAN_OUT,
  MAX_ITEMS_PER_CALL,
  type Lease,
  type NewItem,
  type Priority,
  type QueueSettings,
  type StoreOverflow,
} from '../store.ts';
import { GraveRows } from './grave-rows.ts';
import { KnownRows } from './known-rows.ts';
import { LaneRows, type WaitingRow } from './lane-rows.ts';
import { leaseRows, type LeasedRows } from './lease-rows.ts';
import { ReadyRows } from './ready-rows.ts';
import { parametersOf, rowIdOf, type ItemFacts, type QueueRow } from './rows.ts';
import type { Statements } from './statements.ts';

interface UnclaimedRow {
  readonly id: string;
  readonly revision: number;
  readonly payload: Uint8Array;
}

/** The items of one queue, each in one state, and the ways from one to another; all within one transaction. */
export class HeldRows implements AdmittingStore<UnclaimedRow> {
  readonly lanes: LaneRows;
  readonly graves: GraveRows;
  readonly ready: ReadyRows;
  readonly row: QueueRow;
  readonly #known: KnownRows;
  readonly #sql: Statements;
  readonly #queue: string;
  readonly #settings: QueueSettings;
  readonly #now: number;

  constructor(
    sql: Statements,
    { queue, settings, nowMs }: { queue: string; settings: QueueSettings; nowMs: number },
  ) {
    this.#sql = sql;
    this.#queue = queue;
    this.#settings = settings;
    this.#now = Math.floor(nowMs);
    sql.addQueue.run([queue]);
    this.row = sql.queue.get([queue]) as QueueRow;
    this.#known = new KnownRows(sql, { queue, row: this.row, settings: settings.idempotency });
    this.ready = new ReadyRows(sql, queue, this.row);
    this.lanes = new LaneRows(sql, queue, settings.keyConcurrency);
    this.graves = new GraveRows(sql, { queue, row: this.row, settings: settings.dead });
  }

  save(): void {
    this.#sql.updateQueue.run(parametersOf(this.#queue, this.row));
  }

  get overflow(): StoreOverflow {
    return this.#settings.overflow;
  }

  get fill(): number {
    const { maxCount, maxBytes } = this.#settings.limits;
    return Math.max(this.row.count / maxCount, this.row.bytes / maxBytes);
  }

  findKnown(idempotencyKey: string): string | undefined {
    return this.#known.find(idempotencyKey, this.#now);
  }

  remember(idempotencyKey: string, id: string): void {
    this.#known.take(idempotencyKey, id, this.#now);
  }

  findUnclaimed(coalescingKey: string): UnclaimedRow | undefined {
    const row = this.#sql.unclaimed.get([this.#queue, coalescingKey]) as
      { readonly id: number; readonly revision: number; readonly payload: ArrayBuffer } | undefined;
    if (row === undefined) return undefined;
    return { id: String(row.id), revision: row.revision, payload: new Uint8Array(row.payload) };
  }

  replacePayload(item: UnclaimedRow, payload: Uint8Array): void {
    this.row.bytes += payload.length - item.payload.length;
    this.#sql.replace.run([Number(item.id), payload]);
  }

  hasBytesFor(more: number): boolean {
    return this.row.bytes + more <= this.#settings.limits.maxBytes;
  }

  hasRoomFor(payloadBytes: number): boolean {
    return this.row.count < this.#settings.limits.maxCount && this.hasBytesFor(payloadBytes);
  }

  hold({ priority, key, delayMs, coalesce, payload }: NewItem, sampleRate: number): string {
    const notBeforeMs = delayMs > 0 ? this.#now + Math.ceil(delayMs) : 0;
    const isActive = this.lanes.enter(key);
    const isDelayed = isActive && notBeforeMs > 0;
    const state = isDelayed ? 'delayed' : isActive ? 'ready' : 'waiting';
    const place = isDelayed ? notBeforeMs : isActive ? this.ready.newPlace() : 0;
    this.row.count += 1;
    this.row.bytes += payload.length;
    const made = this.#sql.insert.get([
      ...[this.#queue, state, place, priority, key ?? null, this.#now, notBeforeMs],
      ...[sampleRate, coalesce?.key ?? null, payload],
    ]) as { readonly id: number };
    return String(made.id);
  }

  evictFor(priority: Priority, payloadBytes: number): boolean {
    const { overflow, limits } = this.#settings;
    if (overflow.kind !== 'evict') return false;
    const victims: ItemFacts[] = [];
    let count = this.row.count + 1 - limits.maxCount;
    let bytes = this.row.bytes + payloadBytes - limits.maxBytes;
    const statement = this.#sql[overflow.victims];
    for (let lowest = 7; lowest > priority && (count > 0 || bytes > 0); lowest -= 1) {
      for (const victim of statement.all([this.#queue, lowest]) as ItemFacts[]) {
        if (count <= 0 && bytes <= 0) break;
        victims.push(victim);
        count -= 1;
        bytes -= victim.bytes;
      }
    }
    if (count > 0 || bytes > 0) return false;
    if (overflow.to === 'dead' && !this.graves.canTake(victims)) return false;
    for (const victim of victims) this.#evict(victim, overflow.to);
    return true;
  }

  /** Only the last attempt holds the lease, also when that has run out and nobody took it back. */
  findLeased({ id, attempt }: Lease): ItemFacts | undefined {
    const row = this.#find(id);
    return row?.state === 'leased' && row.attempt === attempt ? row : undefined;
  }

  lease(maxItems: number, untilMs: number): LeasedRows {
    const { agingMs } = this.#settings;
    return leaseRows(this.#sql, this, { maxItems, untilMs, agingMs });
  }

  extend({ id }: ItemFacts, untilMs: number): void {
    this.#sql.move.run([id, 'leased', untilMs]);
  }

  finish(item: ItemFacts): void {
    this.#sql.remove.run([item.id]);
    this.#letGo(item);
  }

  retry({ id }: ItemFacts, delayMs: number): void {
    if (delayMs > 0) this.#sql.delay.run([id, this.#now + Math.ceil(delayMs)]);
    else this.ready.pushBack(id, this.#now);
  }

  release({ id }: ItemFacts): void {
    this.ready.pushFront(id);
  }

  /** False: there is no room among the dead, so it stays and comes back. */
  bury(item: ItemFacts, reason: string): boolean {
    if (!this.#makeRoomAmongDead(item.bytes)) {
      this.retry(item, KEPT_DELAY_MS);
      return false;
    }
    const { key, id } = item;
    const halts = this.#settings.onPoison === 'halt-key';
    if (key !== null && halts && !this.lanes.isStopped(key)) this.lanes.halt(key, id);
    this.graves.add(item, reason, this.#now);
    this.#letGo(item);
    return true;
  }

  /** Makes what is due ready, and gives what died because its leases ran out. */
  takeDue(): Lease[] {
    const back: ItemFacts[] = [];
    const died: Lease[] = [];
    for (const item of this.#due('leased')) {
      const tries = item.attempt - item.tries_from;
      if (tries >= this.#settings.maxTries) {
        const { id, attempt } = item;
        if (this.bury(item, LEASES_RAN_OUT)) died.push({ id: String(id), attempt });
      } else if (crashDelayMs(tries) > 0) {
        this.retry(item, crashDelayMs(tries));
      } else {
        back.push(item);
      }
    }
    // From the last to the first, so that going to the front keeps their order.
    for (const item of back.reverse()) this.release(item);
    for (const { id } of this.#due('delayed')) this.ready.pushBack(id, this.#now);
    return died;
  }

  dropExpiredDead(): void {
    const { retentionMs } = this.#settings.dead;
    if (retentionMs === Infinity) return;
    for (const item of this.graves.diedBefore(this.#now - retentionMs)) {
      this.deleteDead(item);
      this.row.dead_expired += 1;
    }
  }

  findDead(ids: readonly string[]): ItemFacts[] {
    return [...new Set(ids)].flatMap((id) => {
      const row = this.#find(id);
      return row?.state === 'dead' ? [row] : [];
    });
  }

  /** The dead letter is ready again, as if it had just come; a key that it has halted goes on behind it. */
  revive(item: ItemFacts): void {
    const isHalting = this.isHalting(item);
    this.graves.remove(item);
    this.#sql.revive.run([item.id]);
    this.row.count += 1;
    this.row.bytes += item.bytes;
    if (this.lanes.enter(item.key ?? undefined)) this.ready.pushBack(item.id, this.#now);
    if (isHalting && item.key !== null) this.resumeKey(item.key);
  }

  deleteDead(item: ItemFacts): void {
    const isHalting = this.isHalting(item);
    this.graves.remove(item);
    this.#sql.remove.run([item.id]);
    if (isHalting && item.key !== null) this.resumeKey(item.key);
  }

  isHalting({ id, key }: ItemFacts): boolean {
    return this.lanes.haltedBy(key) === id;
  }

  resumeKey(key: string): void {
    for (const item of this.lanes.resume(key)) this.#activate(item);
  }

  #find(id: string): (ItemFacts & { readonly state: string }) | undefined {
    const rowId = rowIdOf(id);
    if (rowId === undefined) return undefined;
    const row = this.#sql.facts.get([rowId, this.#queue]);
    return row as (ItemFacts & { readonly state: string }) | undefined;
  }

  #due(state: 'delayed' | 'leased'): ItemFacts[] {
    const most = MAX_ITEMS_PER_CALL;
    return this.#sql.due.all([this.#queue, state, this.#now, most]) as ItemFacts[];
  }

  #activate({ id, not_before_ms: notBeforeMs }: WaitingRow): void {
    if (notBeforeMs > this.#now) this.#sql.delay.run([id, notBeforeMs]);
    else this.ready.pushBack(id, this.#now);
  }

  /** It counts no longer, and the next one of its key follows. */
  #letGo({ key, bytes }: ItemFacts): void {
    this.row.count -= 1;
    this.row.bytes -= bytes;
    const next = this.lanes.leave(key);
    if (next !== undefined) this.#activate(next);
  }

  #evict(victim: ItemFacts, to: 'dead' | 'drop'): void {
    this.row.evicted += 1;
    if (to === 'dead') {
      this.#makeRoomAmongDead(victim.bytes);
      this.graves.add(victim, EVICTED, this.#now);
      this.#letGo(victim);
    } else {
      this.finish(victim);
    }
  }

  #makeRoomAmongDead(payloadBytes: number): boolean {
    for (const oldest of this.graves.inTheWayOf(payloadBytes)) {
      this.deleteDead(oldest);
      this.row.dead_overflow += 1;
    }
    return this.graves.hasRoomFor(payloadBytes);
  }
}
