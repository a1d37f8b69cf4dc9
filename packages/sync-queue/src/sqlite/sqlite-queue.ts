import { admitItem } from '../admit-item.ts';
import { textOfSettings } from '../recorded-settings.ts';
import type {
  Claim,
  ClaimedItem,
  DeadPage,
  EnqueueReply,
  Lease,
  NewItem,
  PauseTarget,
  QueueSettings,
  RedriveReply,
  SettleAnswer,
  Settlement,
  StoredQueue,
  StoreStats,
} from '../store.ts';
import { readAtOnce, transactWithin, type Database } from './database.ts';
import { HeldRows } from './held-rows.ts';
import { filesOf } from './is-same-file.ts';
import { requireSameFile, requireTransaction } from './require-transaction.ts';
import { RateRow } from './rate-row.ts';
import { ReadyRows } from './ready-rows.ts';
import type { ItemRow, QueueRow } from './rows.ts';
import { readStats } from './read-stats.ts';
import { statementsOf } from './statements.ts';

/** The file of a store, while it is open. */
export interface OpenFile {
  /** In a transaction of its own. @throws {StoreFailedError} */
  write<T>(work: (database: Database) => T): T;
  /** Without the write lock. @throws {StoreFailedError} */
  read<T>(work: (database: Database) => T): T;
  watch(onNews: () => void): () => Promise<void>;
  tellWatchers(): void;
}

/** One queue in an SQLite file. */
export class SqliteQueue implements StoredQueue {
  readonly #file: OpenFile;
  readonly #name: string;
  readonly #settings: QueueSettings;
  readonly #now: () => number;

  constructor(
    file: OpenFile,
    { name, settings, now }: { name: string; settings: QueueSettings; now: () => number },
  ) {
    this.#file = file;
    this.#name = name;
    this.#settings = settings;
    this.#now = now;
  }

  async enqueue(items: readonly NewItem[], transaction?: unknown): Promise<EnqueueReply> {
    await Promise.resolve();
    const add = (held: HeldRows): EnqueueReply => {
      const before = held.row.evicted;
      const verdicts = items.map((item) => admitItem(item, held));
      const { count, bytes, evicted } = held.row;
      return { verdicts, count, bytes, evicted: evicted - before };
    };
    // The caller's transaction is on a connection of its own: what it has added is seen when it commits.
    if (transaction !== undefined) {
      const database = requireTransaction(transaction);
      requireSameFile(database, this.#file.read(filesOf));
      return transactWithin(database, () => this.#change(database, add));
    }
    return this.#write(add);
  }

  async claim(request: { readonly maxItems: number; readonly leaseMs: number }): Promise<Claim> {
    await Promise.resolve();
    // Looked at without the write lock: an idle consumer must not hold up others.
    const idle = this.#file.read((database) => this.#idle(database));
    if (idle !== 'work') return { items: [], died: [], nextInMs: idle };
    const claim = this.#transact((held, database) => {
      const nowMs = this.#now();
      held.dropExpiredDead();
      const died = held.takeDue();
      const rate = new RateRow(held.row, this.#settings.rate);
      const permits = held.row.is_paused === 1 ? 0 : rate.available(nowMs);
      const untilMs = Math.floor(nowMs + request.leaseMs);
      const leased = held.lease(Math.min(request.maxItems, permits), untilMs);
      const items = leased.items.map(toClaimed);
      rate.take(items.length, nowMs);
      const nextInMs = leased.isCutShort ? 0 : this.#nextInMs(database, held.row);
      return { items, died, nextInMs };
    });
    // An empty claim leaves nothing for others, and telling them, and so itself, would make it claim for ever.
    if (claim.items.length > 0) this.#file.tellWatchers();
    return claim;
  }

  async settle(settlements: readonly Settlement[]): Promise<readonly SettleAnswer[]> {
    await Promise.resolve();
    if (settlements.length === 0) return [];
    return this.#write((held) => settlements.map((settlement) => settle(held, settlement)));
  }

  async extend(leases: readonly Lease[], leaseMs: number): Promise<readonly boolean[]> {
    await Promise.resolve();
    if (leases.length === 0) return [];
    const untilMs = Math.floor(this.#now() + leaseMs);
    return this.#write((held) =>
      leases.map((lease) => {
        const item = held.findLeased(lease);
        if (item !== undefined) held.extend(item, untilMs);
        return item !== undefined;
      }),
    );
  }

  async stats(): Promise<StoreStats> {
    await Promise.resolve();
    return this.#file.read((database) =>
      readAtOnce(database, () => readStats(statementsOf(database), this.#name, this.#now())),
    );
  }

  async listDead(page: {
    readonly limit: number;
    readonly after?: string | undefined;
  }): Promise<DeadPage> {
    await Promise.resolve();
    return this.#write((held) => held.graves.page(page));
  }

  async redrive(ids: readonly string[]): Promise<RedriveReply> {
    await Promise.resolve();
    return this.#write((held) => {
      const reply = { redriven: 0, full: 0 };
      for (const item of held.findDead(ids)) {
        // Without room for the item that halts its key, a full queue whose keys have all halted could never empty.
        const hasRoom = held.isHalting(item) || held.hasRoomFor(item.bytes);
        if (hasRoom) held.revive(item);
        reply[hasRoom ? 'redriven' : 'full'] += 1;
      }
      return reply;
    });
  }

  async purge(ids: readonly string[]): Promise<number> {
    await Promise.resolve();
    return this.#write((held) => {
      const found = held.findDead(ids);
      for (const item of found) held.deleteDead(item);
      return found.length;
    });
  }

  async setPaused(target: PauseTarget, isPaused: boolean): Promise<void> {
    await Promise.resolve();
    this.#write((held) => setPaused(held, target, isPaused));
  }

  async recordSettings(): Promise<void> {
    await Promise.resolve();
    const text = textOfSettings(this.#settings);
    this.#file.write((database) => {
      const sql = statementsOf(database);
      const found = sql.settings.get([this.#name]) as { readonly settings: string } | undefined;
      if (found?.settings !== text) sql.recordSettings.run([this.#name, text]);
    });
  }

  watch(onNews: () => void): () => Promise<void> {
    return this.#file.watch(onNews);
  }

  #write<T>(work: (held: HeldRows, database: Database) => T): T {
    const result = this.#transact(work);
    this.#file.tellWatchers();
    return result;
  }

  #transact<T>(work: (held: HeldRows, database: Database) => T): T {
    return this.#file.write((database) => this.#change(database, work));
  }

  #change<T>(database: Database, work: (held: HeldRows, database: Database) => T): T {
    const place = { queue: this.#name, settings: this.#settings, nowMs: this.#now() };
    const held = new HeldRows(statementsOf(database), place);
    const result = work(held, database);
    held.save();
    return result;
  }

  /** `work` when a claim may find something, else the time until it will, undefined when nothing is timed. */
  #idle(database: Database): 'work' | number | undefined {
    const row = statementsOf(database).queue.get([this.#name]) as QueueRow | undefined;
    if (row !== undefined && this.#mayLease(database, row)) return 'work';
    const nextInMs = this.#nextInMs(database, row);
    return nextInMs !== undefined && nextInMs <= 0 ? 'work' : nextInMs;
  }

  #mayLease(database: Database, row: QueueRow): boolean {
    if (row.is_paused === 1) return false;
    if (new RateRow(row, this.#settings.rate).available(this.#now()) < 1) return false;
    const ready = new ReadyRows(statementsOf(database), this.#name, row);
    return !ready.isEmpty;
  }

  #nextInMs(database: Database, row: QueueRow | undefined): number | undefined {
    const nowMs = this.#now();
    const times = [this.#first(database, 'delayed'), this.#first(database, 'leased')];
    const { retentionMs } = this.#settings.dead;
    if (retentionMs !== Infinity) {
      const diedAtMs = this.#first(database, 'dead');
      if (diedAtMs !== undefined) times.push(diedAtMs + retentionMs);
    }
    if (row !== undefined && this.#settings.rate !== undefined) {
      times.push(nowMs + new RateRow(row, this.#settings.rate).waitMs(nowMs));
    }
    const firstMs = Math.min(...times.map((atMs) => atMs ?? Infinity));
    return firstMs === Infinity ? undefined : Math.max(0, firstMs - nowMs);
  }

  #first(database: Database, state: 'delayed' | 'leased' | 'dead'): number | undefined {
    const row = statementsOf(database).first.get([this.#name, state]);
    return (row as { readonly place: number | null } | undefined)?.place ?? undefined;
  }
}

function settle(held: HeldRows, settlement: Settlement): SettleAnswer {
  const item = held.findLeased(settlement);
  if (item === undefined) return 'stale';
  switch (settlement.status) {
    case 'ack':
      held.finish(item);
      return 'settled';
    case 'retry':
      held.retry(item, settlement.delayMs);
      return 'settled';
    case 'release':
      held.release(item);
      return 'settled';
    case 'dead':
      return held.bury(item, settlement.reason) ? 'settled' : 'kept';
    default: {
      const impossible: never = settlement;
      return impossible;
    }
  }
}

function setPaused(held: HeldRows, target: PauseTarget, isPaused: boolean): void {
  switch (target.kind) {
    case 'queue':
      held.row.is_paused = isPaused ? 1 : 0;
      return;
    case 'priority': {
      const others = held.row.paused_priorities.replaceAll(String(target.priority), '');
      held.row.paused_priorities = isPaused ? `${others}${target.priority}` : others;
      return;
    }
    case 'key':
      if (isPaused) held.lanes.pause(target.key);
      else held.resumeKey(target.key);
      return;
    default: {
      const impossible: never = target;
      return impossible;
    }
  }
}

function toClaimed(row: ItemRow): ClaimedItem {
  const { id, attempt, tries_from: triesFrom, priority, key, enqueued_ms, sample_rate } = row;
  return {
    ...{ id: String(id), attempt, tries: attempt - triesFrom, priority, key: key ?? undefined },
    payload: new Uint8Array(row.payload),
    enqueuedAtMs: enqueued_ms,
    sampleRate: sample_rate,
  };
}
