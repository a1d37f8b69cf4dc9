import { TransactionUnsupportedError } from '../errors.ts';
import type {
  Claim,
  DeadPage,
  Demand,
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
import { isRefusedByShard, ShardAgreement } from './agree-on-shards.ts';
import { startConfirming, type RedisDurability } from './durability.ts';
import { keysOf, NEWS_INDEX, stateKey, type RedisPlace } from './keys.ts';
import { CLAIM } from './lua/claim.ts';
import { SET_PAUSED, STATS } from './lua/control.ts';
import { LIST_DEAD, PURGE, REDRIVE } from './lua/dead.ts';
import { ENQUEUE, overflowArguments } from './lua/enqueue.ts';
import { settingsOf } from './lua/head.ts';
import { EXTEND, SETTLE } from './lua/settle.ts';
import {
  headOf,
  isId,
  readClaim,
  readDeadPage,
  readEnqueueReply,
  readStats,
  type ClaimReply,
  type EnqueueReplyOnWire,
  type StatsReply,
} from './replies.ts';
import { recordSettings } from './record-settings.ts';
import { redisFailure, Script, type Argument, type RedisLike } from './run-script.ts';
import { watchNews } from './watch-news.ts';

export interface Held {
  readonly count: number;
  readonly bytes: number;
}

/** One queue on Redis, or one shard of it: one script a call. */
export class RedisQueue implements StoredQueue {
  /** A Cluster's client sends again later what a node has refused while it hands on a slot. */
  readonly isOrdered: boolean;
  readonly #client: RedisLike;
  readonly #place: RedisPlace;
  readonly #queueSettings: QueueSettings;
  readonly #keys: readonly string[];
  readonly #agreement: ShardAgreement;
  readonly #durability: RedisDurability;
  readonly #settings: readonly Argument[];
  readonly #enqueueSettings: readonly Argument[];
  readonly #claimSettings: readonly Argument[];
  readonly #isSampling: boolean;
  readonly #watchers = new Set<() => void>();

  constructor(
    client: RedisLike,
    place: RedisPlace,
    options: {
      readonly settings: QueueSettings;
      readonly durability: RedisDurability;
      /** Of the queue. */
      readonly shards: number;
    },
  ) {
    const { settings, durability, shards } = options;
    const { idempotency, maxTries, agingMs, rate, dead } = settings;
    this.isOrdered = client.nodes === undefined;
    this.#client = client;
    this.#place = place;
    this.#queueSettings = settings;
    this.#keys = keysOf(place);
    this.#agreement = new ShardAgreement(client, place, shards);
    this.#durability = durability;
    this.#settings = settingsOf(settings, shards);
    this.#enqueueSettings = [
      ...[idempotency.windowMs, idempotency.maxKeys],
      ...overflowArguments(settings),
    ];
    this.#claimSettings = [
      ...[maxTries, agingMs === Infinity ? -1 : agingMs],
      ...[rate?.count ?? 0, rate?.perMs ?? 1],
      dead.retentionMs === Infinity ? -1 : dead.retentionMs,
    ];
    this.#isSampling = settings.overflow.kind === 'sample';
  }

  async enqueue(
    items: readonly NewItem[],
    transaction?: unknown,
    awaited = 0,
  ): Promise<EnqueueReply> {
    if (transaction !== undefined) throw new TransactionUnsupportedError('the Redis store');
    const packed: Argument[] = [
      JSON.stringify(items.map((item) => headOf(item, this.#isSampling))),
      JSON.stringify(items.map(({ payload }) => payload.length)),
      Buffer.concat(items.map(({ payload }) => payload)),
    ];
    const argsOf = (count: number): Argument[] => [...this.#enqueueSettings, count, ...packed];
    // When it is late, what was claimed right behind it came too early: anybody may have the items.
    const late: (() => void)[] = [];
    const confirm = startConfirming(this.#client, this.#durability);
    const onWire = await this.#run(SCRIPTS.enqueue, argsOf(awaited), () => {
      late.push(...this.#watchers);
      return argsOf(0);
    });
    const reply = readEnqueueReply(onWire as EnqueueReplyOnWire);
    for (const onNews of late) onNews();
    await confirm();
    return reply;
  }

  async claim(request: { readonly maxItems: number; readonly leaseMs: number }): Promise<Claim> {
    const args = [request.maxItems, request.leaseMs, ...this.#claimSettings];
    const claim = readClaim((await this.#run(SCRIPTS.claim, args)) as ClaimReply);
    // A rate may leave some that are ready, and so does a call that has met its bound: the next one is due at once.
    const isAllTaken = claim.items.length < request.maxItems && claim.nextInMs !== 0;
    return { ...claim, isAll: isAllTaken && this.#queueSettings.rate === undefined };
  }

  async settle(settlements: readonly Settlement[]): Promise<readonly SettleAnswer[]> {
    const known = settlements.filter(({ id }) => isId(id));
    if (known.length === 0) return settlements.map(() => 'stale');
    const args: Argument[] = [
      known.map(({ id }) => id).join(''),
      JSON.stringify(known.map(({ attempt }) => attempt)),
      known.map(({ status }) => STATUS_LETTERS[status]).join(''),
      ...known.map(argumentOf).filter((argument) => argument !== undefined),
    ];
    const reply = String(await this.#run(SCRIPTS.settle, args));
    let at = 0;
    return settlements.map(({ id }) => {
      if (!isId(id)) return 'stale';
      at += 1;
      return ANSWERS[Number(reply[at - 1])] ?? 'stale';
    });
  }

  async extend(leases: readonly Lease[], leaseMs: number): Promise<readonly boolean[]> {
    const args: Argument[] = [leaseMs];
    for (const { id, attempt } of leases) args.push(id, attempt);
    const reply = (await this.#run(SCRIPTS.extend, args)) as number[];
    return reply.map((answer) => answer === 1);
  }

  async stats(): Promise<StoreStats> {
    return readStats((await this.#run(SCRIPTS.stats, [])) as StatsReply);
  }

  async listDead(page: {
    readonly limit: number;
    readonly after?: string | undefined;
  }): Promise<DeadPage> {
    const [afterMs = '-1', afterId = ''] = page.after?.split(':') ?? [];
    const args = [page.limit + 1, afterMs, afterId];
    const reply = (await this.#run(SCRIPTS.listDead, args)) as (Buffer | number)[];
    return readDeadPage(reply, page.limit);
  }

  async redrive(ids: readonly string[]): Promise<RedriveReply> {
    const [redriven = 0, full = 0] = (await this.#run(SCRIPTS.redrive, ids)) as number[];
    return { redriven, full };
  }

  async purge(ids: readonly string[]): Promise<number> {
    return (await this.#run(SCRIPTS.purge, ids)) as number;
  }

  async setPaused(target: PauseTarget, isPaused: boolean): Promise<void> {
    const [kind, what] = targetArguments(target);
    await this.#run(SCRIPTS.setPaused, [isPaused ? 1 : 0, kind, what]);
  }

  agree(): Promise<void> {
    return this.#agreement.agree();
  }

  mustAgree(error: unknown): boolean {
    return isRefusedByShard(error);
  }

  recordSettings(): Promise<void> {
    return recordSettings(this.#client, this.#place, this.#queueSettings);
  }

  /** What it holds now, by one small read. */
  async held(): Promise<Held> {
    try {
      const reply = await this.#client.callBuffer('HMGET', stateKey(this.#place), 'n', 'b');
      const [count = 0, bytes = 0] = (reply as (Buffer | null)[]).map((each) => Number(each ?? 0));
      return { count, bytes };
    } catch (error) {
      throw redisFailure(error);
    }
  }

  watch(onNews: () => void, demand?: Demand): () => Promise<void> {
    this.#watchers.add(onNews);
    const key = this.#keys[NEWS_INDEX] ?? '';
    const endWatch = watchNews(this.#client, { key, onNews, demand });
    return async () => {
      this.#watchers.delete(onNews);
      await endWatch();
    };
  }

  async #run(
    script: Script,
    args: readonly Argument[],
    argsWhenLate = () => args,
  ): Promise<unknown> {
    const input = { keys: this.#keys, args: [...this.#settings, ...args] };
    return script.run(this.#client, input, () => [...this.#settings, ...argsWhenLate()]);
  }
}

const SCRIPTS = {
  enqueue: new Script(ENQUEUE),
  claim: new Script(CLAIM),
  settle: new Script(SETTLE),
  extend: new Script(EXTEND),
  stats: new Script(STATS),
  listDead: new Script(LIST_DEAD),
  redrive: new Script(REDRIVE),
  purge: new Script(PURGE),
  setPaused: new Script(SET_PAUSED),
};

const STATUS_LETTERS = { ack: 'a', retry: 'r', release: 'b', dead: 'd' } as const;
const ANSWERS: readonly SettleAnswer[] = ['stale', 'settled', 'kept'];

function argumentOf(settlement: Settlement): Argument | undefined {
  switch (settlement.status) {
    case 'retry':
      return Math.ceil(settlement.delayMs);
    case 'dead':
      return settlement.reason;
    case 'ack':
      return undefined;
    case 'release':
      return '';
    default: {
      const impossible: never = settlement;
      return impossible;
    }
  }
}

function targetArguments(target: PauseTarget): [kind: string, what: Argument] {
  switch (target.kind) {
    case 'queue':
      return ['q', ''];
    case 'priority':
      return ['p', target.priority];
    case 'key':
      return ['k', target.key];
    default: {
      const impossible: never = target;
      return impossible;
    }
  }
}
