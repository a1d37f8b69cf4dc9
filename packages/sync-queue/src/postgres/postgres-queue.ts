import { systemClock } from '@holdfast/internal';
import { StoreFailedError } from '../errors.ts';
import { textOfSettings } from '../recorded-settings.ts';
import type {
  Claim,
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
import { ClaimHints } from './claim-hints.ts';
import { enqueueArguments } from './enqueue-arguments.ts';
import { indexedText, unindexedText } from './key-text.ts';
import type { News, Topic } from './news.ts';
import type { PgPoolLike } from './ports.ts';
import {
  readClaim,
  readDeadPage,
  readEnqueueReply,
  readStats,
  type ClaimRow,
  type DeadRow,
  type EnqueueRow,
  type StatsRow,
} from './replies.ts';
import { requireBegun, requireTransaction } from './require-transaction.ts';
import { runInTransaction, runStatement } from './run-statement.ts';
import { settingsText, toUs } from './settings.ts';
import type { Calls } from './statements.ts';

export interface PostgresAccess {
  readonly pool: PgPoolLike;
  readonly calls: Calls;
  readonly news: News;
}

type Big = string | number | bigint;

/** One queue on PostgreSQL: one statement a call. */
export class PostgresQueue implements StoredQueue {
  readonly #pool: PgPoolLike;
  readonly #calls: Calls;
  readonly #news: News;
  readonly #topic: Topic;
  readonly #name: string;
  readonly #settings: string;
  readonly #settingsText: string;
  readonly #agingMs: number;

  constructor({ pool, calls, news }: PostgresAccess, name: string, settings: QueueSettings) {
    this.#pool = pool;
    this.#calls = calls;
    this.#news = news;
    this.#topic = news.topicOf(name, () => new ClaimHints());
    this.#name = name;
    this.#settings = settingsText(settings);
    this.#settingsText = textOfSettings(settings);
    this.#agingMs = settings.agingMs;
  }

  async enqueue(items: readonly NewItem[], transaction?: unknown): Promise<EnqueueReply> {
    const within = transaction === undefined ? undefined : requireTransaction(transaction);
    const hasTransaction = within !== undefined;
    if (hasTransaction) await requireBegun(within);
    const notice = hasTransaction
      ? this.#news.permitLater(this.#topic)
      : this.#news.permit(this.#topic);
    const values = [...this.#head(notice), ...enqueueArguments(items)];
    const [row] = hasTransaction
      ? await runInTransaction<EnqueueRow>(within, this.#calls.enqueue, values)
      : await runStatement<EnqueueRow>(this.#pool, this.#calls.enqueue, values);
    if (row === undefined) throw noAnswer();
    if (row.o_is_news && !hasTransaction) this.#news.tell(this.#topic, Number(row.o_now), notice);
    return readEnqueueReply(row);
  }

  async claim(request: { readonly maxItems: number; readonly leaseMs: number }): Promise<Claim> {
    const plan = this.#topic.hints.plan(systemClock.now());
    const rows = await runStatement<ClaimRow>(this.#pool, this.#calls.claim, [
      ...[this.#name, this.#settings, request.maxItems, toUs(request.leaseMs)],
      ...[plan.readyFromUs, plan.dueFromUs],
    ]);
    const { claim, outcome } = readClaim(rows, this.#agingMs);
    this.#topic.hints.learn(plan, outcome);
    return claim;
  }

  async settle(settlements: readonly Settlement[]): Promise<readonly SettleAnswer[]> {
    if (settlements.length === 0) return [];
    const distinct = firstOfEach(settlements);
    const notice = this.#news.permit(this.#topic);
    const [row] = await runStatement<SettleRow>(this.#pool, this.#calls.settle, [
      ...this.#head(notice),
      distinct.map(({ id }) => rowIdOf(id)),
      distinct.map(({ attempt }) => attempt),
      distinct.map(({ status }) => STATUS_LETTERS[status]),
      distinct.map((each) => (each.status === 'retry' ? toUs(each.delayMs) : 0)),
      distinct.map((each) => (each.status === 'dead' ? each.reason : null)),
    ]);
    if (row === undefined) throw noAnswer();
    if (row.o_is_news) {
      this.#news.tell(this.#topic, Number(row.o_oldest_us ?? row.o_now), notice);
    }
    const settled = new Set((row.o_settled ?? []).map((at) => distinct[at - 1]));
    const kept = new Set((row.o_kept ?? []).map((at) => distinct[at - 1]));
    return settlements.map((each) =>
      settled.delete(each) ? 'settled' : kept.delete(each) ? 'kept' : 'stale',
    );
  }

  async extend(leases: readonly Lease[], leaseMs: number): Promise<readonly boolean[]> {
    if (leases.length === 0) return [];
    const ids = leases.map(({ id }) => rowIdOf(id));
    const attempts = leases.map(({ attempt }) => attempt);
    const values = [this.#name, ids, attempts, toUs(leaseMs)];
    const [row] = await runStatement<{ readonly held: readonly number[] | null }>(
      this.#pool,
      this.#calls.extend,
      values,
    );
    // An UPDATE changes a row once, however often it is named.
    const held = new Set<string>();
    for (const at of row?.held ?? []) {
      const lease = leases[at - 1];
      if (lease !== undefined) held.add(identityOf(lease));
    }
    return leases.map((lease) => held.has(identityOf(lease)));
  }

  async stats(): Promise<StoreStats> {
    const [row] = await runStatement<StatsRow>(this.#pool, this.#calls.stats, [this.#name]);
    return readStats(row);
  }

  async listDead(page: {
    readonly limit: number;
    readonly after?: string | undefined;
  }): Promise<DeadPage> {
    const [diedUs = '-1', id = '0'] = page.after?.split(':') ?? [];
    const values = [this.#name, diedUs, id, page.limit + 1];
    const rows = await runStatement<DeadRow>(this.#pool, this.#calls.listDead, values);
    return readDeadPage(rows, page.limit);
  }

  async redrive(ids: readonly string[]): Promise<RedriveReply> {
    const notice = this.#news.permit(this.#topic);
    const [row] = await runStatement<{
      readonly o_redriven: number;
      readonly o_full: number;
      readonly o_now: Big;
    }>(this.#pool, this.#calls.redrive, [...this.#head(notice), knownIds(ids)]);
    if (row === undefined) throw noAnswer();
    if (row.o_redriven > 0) this.#news.tell(this.#topic, Number(row.o_now), notice);
    return { redriven: row.o_redriven, full: row.o_full };
  }

  async purge(ids: readonly string[]): Promise<number> {
    const values = [this.#name, this.#settings, knownIds(ids)];
    const [row] = await runStatement<{ readonly o_purged: number; readonly o_now: Big }>(
      this.#pool,
      this.#calls.purge,
      values,
    );
    if (row === undefined) throw noAnswer();
    // A key that it had halted may go on.
    if (row.o_purged > 0) this.#news.tell(this.#topic, Number(row.o_now), null);
    return row.o_purged;
  }

  async setPaused(target: PauseTarget, isPaused: boolean): Promise<void> {
    const notice = this.#news.permit(this.#topic);
    await runStatement(this.#pool, this.#calls.setPaused, [
      ...this.#head(notice),
      target.kind,
      target.kind === 'priority' ? target.priority : null,
      target.kind === 'key' ? indexedText(target.key) : null,
      target.kind === 'key' ? unindexedText(target.key) : null,
      isPaused,
    ]);
    // What was passed over may have been ready for long.
    if (!isPaused) this.#news.tell(this.#topic, 0, notice);
  }

  async recordSettings(): Promise<void> {
    await runStatement(this.#pool, this.#calls.recordSettings, [this.#name, this.#settingsText]);
  }

  watch(onNews: () => void): () => Promise<void> {
    return this.#news.watch(this.#topic, onNews);
  }

  #head(notice: string | null): unknown[] {
    return [this.#name, this.#settings, this.#news.channel, notice];
  }
}

interface SettleRow {
  readonly o_settled: readonly number[] | null;
  readonly o_kept: readonly number[] | null;
  readonly o_now: Big;
  readonly o_oldest_us: Big | null;
  readonly o_is_news: boolean;
}

const STATUS_LETTERS = { ack: 'a', retry: 'r', release: 'b', dead: 'd' } as const;

/** Of what settles one lease more than once in a call the first counts. */
function firstOfEach(settlements: readonly Settlement[]): Settlement[] {
  const firsts = new Map<string, Settlement>();
  for (const settlement of settlements) {
    const identity = identityOf(settlement);
    if (!firsts.has(identity)) firsts.set(identity, settlement);
  }
  return [...firsts.values()];
}

function identityOf({ id, attempt }: Lease): string {
  return `${id}:${attempt}`;
}

/** An id as it is told: a bigint in decimal. Another one is that of no row. */
function rowIdOf(id: string): string {
  return /^[1-9]\d{0,17}$/.test(id) ? id : '-1';
}

function knownIds(ids: readonly string[]): string[] {
  return [...new Set(ids.map(rowIdOf))];
}

/** A function gives a row in any case. */
function noAnswer(): StoreFailedError {
  return new StoreFailedError('unknown', new Error('the server gave no row'));
}
