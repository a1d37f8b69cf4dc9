import type { Clock } from '@holdfast/internal';
import {
  crashDelayMs,
  EVICTED,
  KEPT_DELAY_MS,
  LEASES_RAN_OUT,
  type Lease,
  type NewItem,
  type Priority,
  type QueueSettings,
  type StoreOverflow,
} from '../store.ts';
import type { AdmittingStore } from '../admit-item.ts';
import { DeadShelf } from './dead-shelf.ts';
import { DueHeap } from './due-heap.ts';
import { IdempotencyWindow } from './idempotency-window.ts';
import { KeyLanes } from './key-lanes.ts';
import { createItem, triesOf, type MemoryItem } from './memory-item.ts';
import { ReadyLists, type IsPaused } from './ready-lists.ts';

/** The items of one queue, each in one place, and the ways from one place to another. */
export class HeldItems implements AdmittingStore<MemoryItem> {
  readonly ready = new ReadyLists();
  readonly delayed = new DueHeap<MemoryItem>();
  readonly leased = new DueHeap<MemoryItem>();
  readonly lanes: KeyLanes;
  readonly dead: DeadShelf;
  /** What may still be coalesced with, by coalescing key. */
  readonly #unclaimed = new Map<string, MemoryItem>();
  readonly dropped = { evicted: 0, deadOverflow: 0, deadExpired: 0 };
  count = 0;
  bytes = 0;
  #order = 0;
  readonly #items = new Map<string, MemoryItem>();
  readonly #idempotency: IdempotencyWindow;
  readonly #settings: QueueSettings;
  readonly #clock: Clock;

  constructor(settings: QueueSettings, clock: Clock) {
    this.#settings = settings;
    this.#clock = clock;
    this.lanes = new KeyLanes(settings.keyConcurrency);
    this.dead = new DeadShelf(settings.dead);
    this.#idempotency = new IdempotencyWindow(settings.idempotency);
  }

  hasRoomFor(payloadBytes: number): boolean {
    const { maxCount, maxBytes } = this.#settings.limits;
    return this.count < maxCount && this.bytes + payloadBytes <= maxBytes;
  }

  hasBytesFor(more: number): boolean {
    return this.bytes + more <= this.#settings.limits.maxBytes;
  }

  get overflow(): StoreOverflow {
    return this.#settings.overflow;
  }

  /** The share of the room that is taken, of items or bytes, whichever is more. */
  get fill(): number {
    const { maxCount, maxBytes } = this.#settings.limits;
    return Math.max(this.count / maxCount, this.bytes / maxBytes);
  }

  findKnown(idempotencyKey: string): string | undefined {
    return this.#idempotency.find(idempotencyKey, this.#clock.now());
  }

  remember(idempotencyKey: string, id: string): void {
    this.#idempotency.take(idempotencyKey, id, this.#clock.now());
  }

  findUnclaimed(coalescingKey: string): MemoryItem | undefined {
    return this.#unclaimed.get(coalescingKey);
  }

  hold(item: NewItem, sampleRate: number): string {
    this.#order += 1;
    const held = createItem(item, { order: this.#order, sampleRate, clock: this.#clock });
    this.#add(held);
    return held.id;
  }

  /** From now on it counts; it is ready or delayed, or it waits behind its key. */
  #add(item: MemoryItem): void {
    this.#items.set(item.id, item);
    this.count += 1;
    this.bytes += item.payload.length;
    if (item.coalesceKey !== undefined) this.#unclaimed.set(item.coalesceKey, item);
    if (this.lanes.enter(item)) this.#activate(item);
    else item.place = 'waiting';
  }

  replacePayload(item: MemoryItem, payload: Uint8Array): void {
    this.bytes += payload.length - item.payload.length;
    item.payload = Uint8Array.from(payload);
    item.revision += 1;
  }

  /** Only the last attempt holds the lease, also when that has run out and nobody took it back. */
  findLeased({ id, attempt }: Lease): MemoryItem | undefined {
    const item = this.#items.get(id);
    return item?.place === 'leased' && item.attempt === attempt ? item : undefined;
  }

  /** Leases the next item; undefined when there is none. One that stands ready for a stopped key goes back to wait. */
  leaseNext(untilMs: number, isPaused: IsPaused): MemoryItem | 'retreated' | undefined {
    const item = this.ready.takeNext(this.#settings.agingMs, isPaused);
    if (item === undefined) return undefined;
    if (this.lanes.isStopped(item.key)) {
      this.lanes.retreat(item);
      item.place = 'waiting';
      return 'retreated';
    }
    this.#freeze(item);
    item.attempt += 1;
    item.place = 'leased';
    this.leased.set(item, untilMs);
    return item;
  }

  finish(item: MemoryItem): void {
    this.leased.delete(item);
    this.#letGo(item);
    item.place = 'gone';
    this.#items.delete(item.id);
  }

  retry(item: MemoryItem, delayMs: number): void {
    this.leased.delete(item);
    item.notBeforeMs = this.#clock.now() + delayMs;
    this.#activate(item);
  }

  release(item: MemoryItem): void {
    this.leased.delete(item);
    item.place = 'ready';
    this.ready.pushFront(item);
  }

  /** False: there is no room among the dead, so it stays and comes back. */
  bury(item: MemoryItem, reason: string): boolean {
    if (!this.#makeRoomAmongDead(item.payload.length)) {
      this.retry(item, KEPT_DELAY_MS);
      return false;
    }
    this.leased.delete(item);
    const { key, id } = item;
    if (key !== undefined && this.#settings.onPoison === 'halt-key' && !this.lanes.isStopped(key)) {
      this.lanes.stop(key, { kind: 'halted', id });
    }
    this.#letGo(item);
    this.dead.add(item, reason, this.#clock.wallNow());
    return true;
  }

  /** Makes what is due ready, and gives what died because its leases ran out. */
  takeDue(): Lease[] {
    const nowMs = this.#clock.now();
    const back: MemoryItem[] = [];
    const died: Lease[] = [];
    for (
      let item = this.leased.takeDue(nowMs);
      item !== undefined;
      item = this.leased.takeDue(nowMs)
    ) {
      const delayMs = crashDelayMs(triesOf(item));
      if (triesOf(item) >= this.#settings.maxTries) {
        const { id, attempt } = item;
        if (this.bury(item, LEASES_RAN_OUT)) died.push({ id, attempt });
      } else if (delayMs > 0) {
        this.retry(item, delayMs);
      } else {
        back.push(item);
      }
    }
    // From the last to the first, so that pushing to the front keeps their order.
    for (const item of back.reverse()) this.release(item);
    for (
      let item = this.delayed.takeDue(nowMs);
      item !== undefined;
      item = this.delayed.takeDue(nowMs)
    ) {
      this.#activate(item);
    }
    return died;
  }

  /** Makes room by what is less urgent; false, and nothing has changed, when that does not suffice. */
  evictFor(priority: Priority, payloadBytes: number): boolean {
    const { overflow, limits } = this.#settings;
    if (overflow.kind !== 'evict') return false;
    const victims: MemoryItem[] = [];
    let count = this.count + 1 - limits.maxCount;
    let bytes = this.bytes + payloadBytes - limits.maxBytes;
    for (const victim of this.ready.lessUrgentThan(priority, overflow.victims)) {
      if (count <= 0 && bytes <= 0) break;
      victims.push(victim);
      count -= 1;
      bytes -= victim.payload.length;
    }
    if (count > 0 || bytes > 0) return false;
    if (overflow.to === 'dead' && !this.dead.canTake(victims)) return false;
    for (const victim of victims) this.#evict(victim, overflow.to);
    return true;
  }

  findDead(ids: readonly string[]): MemoryItem[] {
    return [...new Set(ids)].flatMap((id) => {
      const item = this.#items.get(id);
      return item?.place === 'dead' ? [item] : [];
    });
  }

  /** The dead letter is ready again, as if it had just come; a key that it has halted goes on behind it. */
  revive(item: MemoryItem): void {
    const halted = this.haltedKeyOf(item);
    this.dead.remove(item);
    item.triesFrom = item.attempt;
    item.notBeforeMs = 0;
    this.#add(item);
    if (halted !== undefined) this.resumeKey(halted);
  }

  deleteDead(item: MemoryItem): void {
    const halted = this.haltedKeyOf(item);
    this.dead.remove(item);
    this.#items.delete(item.id);
    if (halted !== undefined) this.resumeKey(halted);
  }

  dropExpiredDead(): void {
    for (const item of this.dead.diedBefore(
      this.#clock.wallNow() - this.#settings.dead.retentionMs,
    )) {
      this.deleteDead(item);
      this.dropped.deadExpired += 1;
    }
  }

  haltedKeyOf({ id, key }: MemoryItem): string | undefined {
    return key !== undefined && this.lanes.haltedBy(key) === id ? key : undefined;
  }

  resumeKey(key: string): void {
    for (const item of this.lanes.resume(key)) this.#activate(item);
  }

  #activate(item: MemoryItem): void {
    const nowMs = this.#clock.now();
    if (item.notBeforeMs > nowMs) {
      item.place = 'delayed';
      this.delayed.set(item, item.notBeforeMs);
      return;
    }
    item.place = 'ready';
    item.readyAtMs = nowMs;
    this.ready.pushBack(item);
  }

  /** Nothing of it may change any more: somebody has seen it. */
  #freeze(item: MemoryItem): void {
    if (item.coalesceKey === undefined) return;
    if (this.#unclaimed.get(item.coalesceKey) === item) this.#unclaimed.delete(item.coalesceKey);
    item.coalesceKey = undefined;
  }

  /** It counts no longer, and the next one of its key follows. */
  #letGo(item: MemoryItem): void {
    this.#freeze(item);
    this.count -= 1;
    this.bytes -= item.payload.length;
    const next = this.lanes.leave(item.key);
    if (next !== undefined) this.#activate(next);
  }

  #evict(victim: MemoryItem, to: 'dead' | 'drop'): void {
    this.ready.remove(victim);
    this.dropped.evicted += 1;
    this.#letGo(victim);
    if (to === 'dead') {
      this.#makeRoomAmongDead(victim.payload.length);
      this.dead.add(victim, EVICTED, this.#clock.wallNow());
      return;
    }
    victim.place = 'gone';
    this.#items.delete(victim.id);
  }

  #makeRoomAmongDead(payloadBytes: number): boolean {
    for (const oldest of this.dead.inTheWayOf(payloadBytes)) {
      this.deleteDead(oldest);
      this.dropped.deadOverflow += 1;
    }
    return this.dead.hasRoomFor(payloadBytes);
  }
}
