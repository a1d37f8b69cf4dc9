import { randomUUID } from 'node:crypto';
import type { Random } from '@holdfast/internal';
import type {
  EnqueueVerdict,
  Lease,
  NewItem,
  PauseTarget,
  Priority,
  QueueSettings,
  QueueStore,
  Settlement,
  StoredQueue,
} from '@holdfast/sync-queue';
import { routeOf, shardOf } from '../../src/redis/shard-of.ts';
import { LONG_MS, SETTINGS } from '../conformance/kit.ts';
import { Ledger } from './ledger.ts';

const SHORT_LEASE_MS = 1;
const MAX_TRIES = 3;

export interface ScheduleContext {
  readonly store: QueueStore;
  elapse(ms: number): Promise<void>;
  readonly random: Random;
}

/**
 * Plays one random schedule on a queue of its own and holds it against the ledger after every step; at the end all that was
 * accepted has to be accounted for. Resolves with the number of accepted items.
 */
export async function runSchedule(context: ScheduleContext, steps: number): Promise<number> {
  const { store, random } = context;
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)]!;
  const settings: QueueSettings = {
    ...SETTINGS,
    maxTries: MAX_TRIES,
    limits: { maxCount: pick([5, 20, 100]), maxBytes: pick([60, 400, 10_000]) },
    dead: { ...SETTINGS.dead, maxCount: pick([2, 1000]) },
    onPoison: pick<QueueSettings['onPoison']>(['advance', 'halt-key']),
    overflow: pick<QueueSettings['overflow']>([
      { kind: 'refuse' },
      { kind: 'evict', victims: pick<'oldest' | 'newest'>(['oldest', 'newest']), to: 'dead' },
    ]),
  };
  const queue = store.queue(`model/${randomUUID()}`, settings);
  await queue.agree?.();
  const play = new Play(queue, settings, context);
  for (let step = 0; step < steps; step += 1) await play.step();
  await play.finish();
  return play.ledger.accepted;
}

class Play {
  readonly ledger = new Ledger(MAX_TRIES);
  readonly #queue: StoredQueue;
  readonly #settings: QueueSettings;
  readonly #context: ScheduleContext;
  readonly #shards: number;
  readonly #paused = new Map<string, PauseTarget>();
  readonly #known = new Map<string, string>();
  readonly #stale: Settlement[] = [];
  #texts = 0;

  constructor(queue: StoredQueue, settings: QueueSettings, context: ScheduleContext) {
    this.#queue = queue;
    this.#settings = settings;
    this.#context = context;
    this.#shards = context.store.shards ?? 1;
  }

  async step(): Promise<void> {
    const kinds = ['add', 'add', 'add', 'claim', 'claim', 'settle', 'settle', 'settle'] as const;
    const rare = ['expire', 'extend', 'redrive', 'purge', 'pause', 'resume', 'stale'] as const;
    await this.#do(this.#pick(this.#random() < 0.7 ? kinds : rare));
    const stats = await this.#queue.stats();
    this.ledger.check(stats);
    const { maxCount, maxBytes } = this.#settings.limits;
    // A dead letter that halts its key comes back in any case.
    const extra =
      this.#settings.onPoison === 'halt-key' ? this.ledger.ids('live', 'leased').length : 0;
    if (stats.count > maxCount + extra || (extra === 0 && stats.bytes > maxBytes)) {
      throw new Error(`${stats.count} items and ${stats.bytes} bytes are beyond the bound`);
    }
  }

  /** Lets everything be done: all accepted items are acknowledged, purged or dropped. */
  async finish(): Promise<void> {
    for (const target of [...this.#paused.values()]) await this.#setPaused(target, false);
    for (let idle = 0; idle < 3;) {
      await this.#expire();
      // Halted keys go on when their dead letters do; what is kept for a minute, or delayed for long, is let go.
      await this.#purgeAll();
      const { items } = await this.#claim(250, LONG_MS);
      const acks = this.ledger.leases().map((lease): Settlement => ({ ...lease, status: 'ack' }));
      await this.#settle(acks);
      idle = items.length === 0 ? idle + 1 : 0;
    }
    this.ledger.check(await this.#queue.stats());
    const { delayed, ready, leased, waiting } = await this.#queue.stats();
    if (ready + leased > 0 || (delayed === 0 && waiting > 0)) {
      throw new Error(`left: ${ready} ready, ${leased} leased, ${waiting} waiting`);
    }
  }

  async #do(kind: string): Promise<void> {
    switch (kind) {
      case 'add':
        return this.#add();
      case 'claim':
        await this.#claim(this.#pick([1, 2, 10]), LONG_MS);
        return;
      case 'expire':
        await this.#claim(this.#pick([1, 5]), SHORT_LEASE_MS);
        return this.#expire();
      case 'settle':
        return this.#settle(this.#leased().map((lease) => this.#settlementFor(lease)));
      case 'stale':
        return this.#settle(this.#stale.splice(0, 3));
      case 'extend': {
        const leases = this.#leased();
        const answers = await this.#queue.extend(leases, LONG_MS);
        leases.forEach((lease, index) => this.ledger.extend(lease, answers[index] === true));
        return;
      }
      case 'redrive':
        return this.#redrive();
      case 'purge': {
        const ids = this.ledger.ids('dead').slice(0, 1);
        await this.#queue.purge(ids);
        for (const id of ids) this.ledger.purge(id);
        return;
      }
      case 'pause':
        return this.#setPaused(this.#target(), true);
      case 'resume':
        return this.#setPaused(this.#pick([...this.#paused.values(), this.#target()]), false);
      default:
        throw new Error(`no step ${kind}`);
    }
  }

  async #add(): Promise<void> {
    const items = Array.from({ length: this.#pick([1, 2, 5]) }, () => this.#newItem());
    const { verdicts, evicted } = await this.#queue.enqueue(items);
    this.#accept(items, verdicts);
    items.forEach((item, index) => {
      const verdict = verdicts[index]!;
      const text = Buffer.from(item.payload).toString();
      const knownAs = this.#knownAs(item);
      const known = knownAs === undefined ? undefined : this.#known.get(knownAs);
      if ((verdict.status === 'duplicate') !== (known !== undefined)) {
        throw new Error(`${text}: ${verdict.status}, known as ${known}`);
      }
      if (verdict.status === 'coalesced') this.ledger.coalesce(verdict.id, text);
      if (knownAs !== undefined && 'id' in verdict) this.#known.set(knownAs, verdict.id);
    });
    if (evicted > 0) await this.#findEvicted(evicted);
  }

  #accept(items: readonly NewItem[], verdicts: readonly EnqueueVerdict[]): void {
    const accepted = items.flatMap(({ payload, priority, key, delayMs }, index) => {
      const verdict = verdicts[index]!;
      if (verdict.status !== 'accepted') return [];
      const isPlain =
        delayMs === 0 && key === undefined && this.#settings.overflow.kind === 'refuse';
      const text = Buffer.from(payload).toString();
      return [{ id: verdict.id, facts: { text, priority, key, isPlain } }];
    });
    // What its shard had no room for went to another one, behind those of the same call that were there at once.
    if (this.#shards > 1) accepted.sort((one, other) => (one.id < other.id ? -1 : 1));
    for (const { id, facts } of accepted) this.ledger.accept(id, facts);
  }

  /** An idempotency key holds among the items of one shard. */
  #knownAs(item: NewItem): string | undefined {
    if (item.idempotencyKey === undefined) return undefined;
    return `${shardOf(routeOf(item) ?? '', this.#shards)}/${item.idempotencyKey}`;
  }

  /** What was evicted is among the dead. */
  async #findEvicted(evicted: number): Promise<void> {
    const dead = new Set(await this.#deadIds());
    const gone = this.ledger.evictable().filter((id) => dead.has(id));
    if (gone.length !== evicted)
      throw new Error(`${evicted} were evicted, ${gone.length} are dead`);
    for (const id of gone) this.ledger.evict(id);
  }

  async #claim(maxItems: number, leaseMs: number): Promise<{ readonly items: readonly Lease[] }> {
    const claim = await this.#queue.claim({ maxItems, leaseMs });
    const isShort = leaseMs === SHORT_LEASE_MS;
    const isWhole = this.#shards === 1 || claim.items.length < maxItems;
    this.ledger.claim(claim, { isShort, isWhole, isPaused: (entry) => this.#isPaused(entry) });
    return claim;
  }

  async #settle(settlements: readonly Settlement[]): Promise<void> {
    const answers = await this.#queue.settle(settlements);
    settlements.forEach((settlement, index) => {
      this.ledger.settle(settlement, answers[index]!);
      // To be tried again later, when it must be stale.
      if (this.#random() < 0.3) this.#stale.push(settlement);
    });
  }

  /** Every lease that is short has run out behind it. */
  async #expire(): Promise<void> {
    await this.#context.elapse(SHORT_LEASE_MS + 3);
    this.ledger.shortLeasesRanOut();
  }

  async #redrive(): Promise<void> {
    const ids = this.ledger.ids('dead').slice(0, 2);
    const { redriven, full } = await this.#queue.redrive(ids);
    if (redriven + full !== ids.length) throw new Error(`${redriven} + ${full} of ${ids.length}`);
    const dead = new Set(await this.#deadIds());
    for (const id of ids) if (!dead.has(id)) this.ledger.redrive(id);
  }

  async #purgeAll(): Promise<void> {
    const ids = this.ledger.ids('dead');
    for (let start = 0; start < ids.length; start += 250) {
      await this.#queue.purge(ids.slice(start, start + 250));
    }
    for (const id of ids) this.ledger.purge(id);
  }

  async #deadIds(): Promise<string[]> {
    const ids: string[] = [];
    let after: string | undefined;
    do {
      const page = await this.#queue.listDead({ limit: 250, after });
      ids.push(...page.letters.map(({ id }) => id));
      after = page.next;
    } while (after !== undefined);
    return ids;
  }

  async #setPaused(target: PauseTarget, isPaused: boolean): Promise<void> {
    await this.#queue.setPaused(target, isPaused);
    const name = JSON.stringify(target);
    if (isPaused) this.#paused.set(name, target);
    else this.#paused.delete(name);
  }

  #isPaused({
    priority,
    key,
  }: {
    readonly priority: number;
    readonly key: string | undefined;
  }): boolean {
    return [...this.#paused.values()].some((target) => {
      if (target.kind === 'queue') return true;
      return target.kind === 'key' ? target.key === key : target.priority === priority;
    });
  }

  #leased(): Lease[] {
    const leases = this.ledger.leases();
    return leases.filter(() => this.#random() < 0.6);
  }

  #settlementFor({ id, attempt }: Lease): Settlement {
    return this.#pick<Settlement>([
      { id, attempt, status: 'ack' },
      { id, attempt, status: 'ack' },
      { id, attempt, status: 'retry', delayMs: 0 },
      { id, attempt, status: 'release' },
      { id, attempt, status: 'dead', reason: 'by chance' },
    ]);
  }

  #newItem(): NewItem {
    this.#texts += 1;
    const isCoalesced = this.#random() < 0.15;
    return {
      payload: Buffer.from(`${this.#texts}`.padEnd(this.#pick([1, 8, 20]), '.')),
      priority: this.#pick<Priority>([0, 1, 3, 7]),
      delayMs: this.#random() < 0.1 ? LONG_MS : 0,
      key: this.#random() < 0.4 ? this.#pick(['a', 'b', 'c']) : undefined,
      idempotencyKey: this.#random() < 0.2 ? `i${Math.floor(this.#random() * 20)}` : undefined,
      coalesce: isCoalesced ? { key: this.#pick(['x', 'y']), mode: 'replace' } : undefined,
      draw: 0,
    };
  }

  #target(): PauseTarget {
    return this.#pick<PauseTarget>([
      { kind: 'queue' },
      { kind: 'key', key: this.#pick(['a', 'b']) },
      { kind: 'priority', priority: this.#pick<Priority>([0, 3]) },
    ]);
  }

  #pick<T>(values: readonly T[]): T {
    return values[Math.floor(this.#random() * values.length)]!;
  }

  #random(): number {
    return this.#context.random();
  }
}
