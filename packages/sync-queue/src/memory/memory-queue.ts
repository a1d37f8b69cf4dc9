import type { Clock } from '@holdfast/internal';
import { admitItem } from '../admit-item.ts';
import { TransactionUnsupportedError } from '../errors.ts';
import type {
  Claim,
  ClaimedItem,
  DeadPage,
  EnqueueReply,
  Lease,
  NewItem,
  PauseTarget,
  Priority,
  QueueSettings,
  RedriveReply,
  SettleAnswer,
  Settlement,
  StoredQueue,
  StoreStats,
} from '../store.ts';
import { HeldItems } from './held-items.ts';
import { triesOf, type MemoryItem } from './memory-item.ts';
import { RateBucket } from '../rate-bucket.ts';

/** Of items whose keys are stopped a claim puts back so many, which bounds its time; the next one is due at once. */
const MOST_RETREATS = 1000;

/** One queue in this process. */
export class MemoryQueue implements StoredQueue {
  readonly #clock: Clock;
  readonly #held: HeldItems;
  readonly #rate: RateBucket | undefined;
  readonly #pausedPriorities = new Set<Priority>();
  readonly #watchers = new Set<() => void>();
  #isPaused = false;

  constructor(clock: Clock, settings: QueueSettings) {
    this.#clock = clock;
    this.#held = new HeldItems(settings, clock);
    this.#rate = settings.rate === undefined ? undefined : new RateBucket(settings.rate);
  }

  async enqueue(items: readonly NewItem[], transaction?: unknown): Promise<EnqueueReply> {
    await Promise.resolve();
    if (transaction !== undefined) throw new TransactionUnsupportedError('the memory store');
    const { evicted } = this.#held.dropped;
    const verdicts = items.map((item) => admitItem(item, this.#held));
    if (verdicts.some(({ status }) => status === 'accepted')) this.#tellWatchers();
    const { count, bytes, dropped } = this.#held;
    return { verdicts, count, bytes, evicted: dropped.evicted - evicted };
  }

  async claim(request: { readonly maxItems: number; readonly leaseMs: number }): Promise<Claim> {
    await Promise.resolve();
    const nowMs = this.#clock.now();
    this.#held.dropExpiredDead();
    const died = this.#held.takeDue();
    const items: ClaimedItem[] = [];
    const permits = this.#isPaused ? 0 : (this.#rate?.available(nowMs) ?? Infinity);
    let retreats = 0;
    while (items.length < Math.min(request.maxItems, permits) && retreats < MOST_RETREATS) {
      const item = this.#held.leaseNext(nowMs + request.leaseMs, (priority) =>
        this.#pausedPriorities.has(priority),
      );
      if (item === undefined) break;
      if (item === 'retreated') retreats += 1;
      else items.push(toClaimed(item));
    }
    this.#rate?.take(items.length, nowMs);
    return { items, died, nextInMs: retreats === MOST_RETREATS ? 0 : this.#nextInMs(nowMs) };
  }

  async settle(settlements: readonly Settlement[]): Promise<readonly SettleAnswer[]> {
    await Promise.resolve();
    const answers = settlements.map((settlement) => this.#settle(settlement));
    this.#tellWatchers();
    return answers;
  }

  async extend(leases: readonly Lease[], leaseMs: number): Promise<readonly boolean[]> {
    await Promise.resolve();
    const untilMs = this.#clock.now() + leaseMs;
    return leases.map((lease) => {
      const item = this.#held.findLeased(lease);
      if (item !== undefined) this.#held.leased.set(item, untilMs);
      return item !== undefined;
    });
  }

  async stats(): Promise<StoreStats> {
    await Promise.resolve();
    const { ready, delayed, leased, lanes, count, bytes, dead, dropped } = this.#held;
    const oldestAtMs = ready.oldestReadyAtMs();
    return {
      ready: ready.size,
      readyByPriority: ready.sizes,
      delayed: delayed.size,
      leased: leased.size,
      waiting: lanes.waiting,
      count,
      bytes,
      oldestReadyMs: oldestAtMs === undefined ? undefined : this.#clock.now() - oldestAtMs,
      dead: dead.count,
      deadBytes: dead.bytes,
      dropped: { ...dropped },
      paused: this.#pausedTargets(),
    };
  }

  async listDead(page: {
    readonly limit: number;
    readonly after?: string | undefined;
  }): Promise<DeadPage> {
    await Promise.resolve();
    return this.#held.dead.page(page);
  }

  async redrive(ids: readonly string[]): Promise<RedriveReply> {
    await Promise.resolve();
    let redriven = 0;
    let full = 0;
    for (const item of this.#held.findDead(ids)) {
      // Without room for the item that halts its key, a full queue whose keys have all halted could never empty.
      const hasRoom =
        this.#held.haltedKeyOf(item) !== undefined || this.#held.hasRoomFor(item.payload.length);
      if (hasRoom) {
        this.#held.revive(item);
        redriven += 1;
      } else {
        full += 1;
      }
    }
    this.#tellWatchers();
    return { redriven, full };
  }

  async purge(ids: readonly string[]): Promise<number> {
    await Promise.resolve();
    const found = this.#held.findDead(ids);
    for (const item of found) this.#held.deleteDead(item);
    this.#tellWatchers();
    return found.length;
  }

  async setPaused(target: PauseTarget, isPaused: boolean): Promise<void> {
    await Promise.resolve();
    switch (target.kind) {
      case 'queue':
        this.#isPaused = isPaused;
        break;
      case 'priority':
        if (isPaused) this.#pausedPriorities.add(target.priority);
        else this.#pausedPriorities.delete(target.priority);
        break;
      case 'key':
        if (isPaused) this.#held.lanes.stop(target.key, { kind: 'paused' });
        else this.#held.resumeKey(target.key);
        break;
      default: {
        const impossible: never = target;
        return impossible;
      }
    }
    this.#tellWatchers();
  }

  watch(onNews: () => void): () => Promise<void> {
    const watcher = (): void => onNews();
    this.#watchers.add(watcher);
    return async () => {
      this.#watchers.delete(watcher);
      return Promise.resolve();
    };
  }

  #settle(settlement: Settlement): SettleAnswer {
    const item = this.#held.findLeased(settlement);
    if (item === undefined) return 'stale';
    switch (settlement.status) {
      case 'ack':
        this.#held.finish(item);
        return 'settled';
      case 'retry':
        this.#held.retry(item, settlement.delayMs);
        return 'settled';
      case 'release':
        this.#held.release(item);
        return 'settled';
      case 'dead':
        return this.#held.bury(item, settlement.reason) ? 'settled' : 'kept';
      default: {
        const impossible: never = settlement;
        return impossible;
      }
    }
  }

  #nextInMs(nowMs: number): number | undefined {
    const { delayed, leased, ready } = this.#held;
    const times = [delayed.firstAtMs(), leased.firstAtMs()];
    const permitInMs = this.#rate?.waitMs(nowMs) ?? 0;
    if (permitInMs > 0 && ready.size > 0) times.push(nowMs + permitInMs);
    const firstMs = Math.min(...times.map((atMs) => atMs ?? Infinity));
    return firstMs === Infinity ? undefined : Math.max(0, firstMs - nowMs);
  }

  #pausedTargets(): PauseTarget[] {
    const targets: PauseTarget[] = this.#isPaused ? [{ kind: 'queue' }] : [];
    for (const priority of this.#pausedPriorities) targets.push({ kind: 'priority', priority });
    for (const key of this.#held.lanes.stopped) targets.push({ kind: 'key', key });
    return targets;
  }

  #tellWatchers(): void {
    for (const watcher of this.#watchers) watcher();
  }
}

function toClaimed(item: MemoryItem): ClaimedItem {
  const { id, attempt, payload, priority, key, enqueuedAtMs, sampleRate } = item;
  return { id, attempt, payload, tries: triesOf(item), priority, key, enqueuedAtMs, sampleRate };
}
