import type { Random } from '@holdfast/internal';
import { TransactionUnsupportedError } from '../errors.ts';
import type {
  Claim,
  ClaimedItem,
  DeadPage,
  Demand,
  EnqueueReply,
  EnqueueVerdict,
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
import type { RedisDurability } from './durability.ts';
import type { RedisPlace } from './keys.ts';
import { mergeDead, pageOfShard } from './merge-dead.ts';
import { recordSettings } from './record-settings.ts';
import { RedisQueue, type Held } from './redis-queue.ts';
import type { RedisLike } from './run-script.ts';
import { settleCalls } from './settle-calls.ts';
import { idIn, placeOfId, shardOf } from './shard-of.ts';
import { shareSettings } from './share-settings.ts';
import { spreadItems } from './spread-items.ts';
import { sumStats } from './sum-stats.ts';

export interface ShardedQueueOptions {
  readonly settings: QueueSettings;
  readonly durability: RedisDurability;
  readonly shards: number;
  readonly random: Random;
}

/**
 * One queue on many slots of a Cluster: each shard is a queue of its own with its share of the bounds. A call is atomic in
 * each shard; one that fails in some of them is told as failed, and may have been applied in others.
 */
export class ShardedQueue implements StoredQueue {
  readonly #client: RedisLike;
  readonly #place: RedisPlace;
  readonly #settings: QueueSettings;
  readonly #shards: readonly RedisQueue[];
  readonly #agreement: ShardAgreement;
  /** What each was known to hold last. */
  readonly #held = new Map<number, Held>();
  /** Whose turn it is to be asked first, and to get items that may lie anywhere. */
  #claimTurn: number;
  #addTurn: number;

  constructor(
    client: RedisLike,
    { prefix, name }: Pick<RedisPlace, 'prefix' | 'name'>,
    { settings, durability, shards, random }: ShardedQueueOptions,
  ) {
    this.#client = client;
    this.#place = { prefix, name, shard: 0 };
    this.#settings = settings;
    this.#agreement = new ShardAgreement(client, { prefix, name }, shards);
    this.#shards = Array.from({ length: shards }, (_, shard) => {
      const share = shareSettings(settings, shard, shards);
      return new RedisQueue(
        client,
        { prefix, name, shard },
        { settings: share, durability, shards },
      );
    });
    // At random, so that processes that start together do not ask the same shard.
    this.#claimTurn = Math.floor(random() * shards);
    this.#addTurn = Math.floor(random() * shards);
  }

  async enqueue(items: readonly NewItem[], transaction?: unknown): Promise<EnqueueReply> {
    if (transaction !== undefined) throw new TransactionUnsupportedError('the Redis store');
    const first = this.#addTurn;
    this.#addTurn = (first + 1) % this.#shards.length;
    const add = (shard: number, some: readonly NewItem[]): Promise<EnqueueReply> =>
      this.#addTo(shard, some);
    const spread = await spreadItems(items, { shards: this.#shards.length, first, add });
    const { verdicts, evicted, replies } = spread;
    await Promise.all(
      this.#shards.map(async (queue, shard) => {
        // A shard that cannot be read has nothing to do with these items: what it held last counts.
        const held = replies.get(shard) ?? (await queue.held().catch(() => undefined));
        if (held !== undefined) this.#held.set(shard, held);
      }),
    );
    const held = [...this.#held.values()];
    return {
      verdicts,
      evicted,
      count: held.reduce((sum, { count }) => sum + count, 0),
      bytes: held.reduce((sum, { bytes }) => sum + bytes, 0),
    };
  }

  /** Asks one shard after another for what is missing, beginning with another one each time. */
  async claim({
    maxItems,
    leaseMs,
  }: {
    readonly maxItems: number;
    readonly leaseMs: number;
  }): Promise<Claim> {
    const items: ClaimedItem[] = [];
    const died: Lease[] = [];
    let nextInMs: number | undefined;
    const first = this.#claimTurn;
    this.#claimTurn = (first + 1) % this.#shards.length;
    const shards = [...this.#shards.entries()];
    for (const [shard, queue] of [...shards.slice(first), ...shards.slice(0, first)]) {
      const request = { maxItems: maxItems - items.length, leaseMs };
      let claim: Claim;
      try {
        claim = await queue.claim(request);
      } catch (error) {
        // What the others gave must not stay hidden for a lease; the failure is told when this shard is asked first.
        if (items.length + died.length > 0) break;
        throw error;
      }
      items.push(...claim.items.map((item) => ({ ...item, id: idIn(shard, item.id) })));
      died.push(...claim.died.map((lease) => ({ ...lease, id: idIn(shard, lease.id) })));
      nextInMs = Math.min(nextInMs ?? Infinity, claim.nextInMs ?? Infinity);
      if (items.length >= maxItems) break;
    }
    return { items, died, nextInMs: nextInMs === Infinity ? undefined : nextInMs };
  }

  async settle(settlements: readonly Settlement[]): Promise<readonly SettleAnswer[]> {
    return this.#withEach(settlements, 'stale', (queue, some) => queue.settle(some));
  }

  async extend(leases: readonly Lease[], leaseMs: number): Promise<readonly boolean[]> {
    return this.#withEach(leases, false, (queue, some) => queue.extend(some, leaseMs));
  }

  async stats(): Promise<StoreStats> {
    return sumStats(await settleCalls(this.#shards.map((queue) => queue.stats())));
  }

  async listDead({
    limit,
    after,
  }: {
    readonly limit: number;
    readonly after?: string | undefined;
  }): Promise<DeadPage> {
    const shards = this.#shards.length;
    const pages = this.#shards.map((queue, shard) =>
      queue.listDead({ limit, after: pageOfShard(after, { shard, shards }) }),
    );
    return mergeDead(await settleCalls(pages), limit);
  }

  async redrive(ids: readonly string[]): Promise<RedriveReply> {
    const replies = await this.#withIds(ids, (queue, some) => queue.redrive(some));
    return {
      redriven: replies.reduce((sum, { redriven }) => sum + redriven, 0),
      full: replies.reduce((sum, { full }) => sum + full, 0),
    };
  }

  async purge(ids: readonly string[]): Promise<number> {
    const counts = await this.#withIds(ids, (queue, some) => queue.purge(some));
    return counts.reduce((sum, count) => sum + count, 0);
  }

  async setPaused(target: PauseTarget, isPaused: boolean): Promise<void> {
    const only = target.kind === 'key' ? shardOf(target.key, this.#shards.length) : undefined;
    const targets = this.#shards.filter((_, shard) => only === undefined || shard === only);
    await settleCalls(targets.map((queue) => queue.setPaused(target, isPaused)));
  }

  agree(): Promise<void> {
    return this.#agreement.agree();
  }

  mustAgree(error: unknown): boolean {
    return isRefusedByShard(error);
  }

  recordSettings(): Promise<void> {
    return recordSettings(this.#client, this.#place, this.#settings);
  }

  watch(onNews: () => void, demand?: Demand): () => Promise<void> {
    const ends = this.#shards.map((queue) => queue.watch(onNews, demand));
    return async () => {
      await Promise.all(ends.map((end) => end()));
    };
  }

  async #addTo(shard: number, items: readonly NewItem[]): Promise<EnqueueReply> {
    const queue = this.#shards[shard];
    if (queue === undefined) throw new RangeError(`there is no shard ${shard}`);
    const reply = await queue.enqueue(items);
    return { ...reply, verdicts: reply.verdicts.map((verdict) => inShard(shard, verdict)) };
  }

  /** Calls each shard with its own of `leases`, and gives the answers in their order. */
  async #withEach<L extends Lease, A>(
    leases: readonly L[],
    answerOfNone: A,
    call: (queue: RedisQueue, leases: readonly L[]) => Promise<readonly A[]>,
  ): Promise<A[]> {
    const answers: A[] = leases.map(() => answerOfNone);
    const found = leases.map(({ id }) => placeOfId(id, this.#shards.length));
    const calls = this.#shards.map(async (queue, shard): Promise<void> => {
      const positions: number[] = [];
      const some: L[] = [];
      leases.forEach((lease, position) => {
        const place = found[position];
        if (place?.shard !== shard) return;
        positions.push(position);
        some.push({ ...lease, id: place.id });
      });
      if (some.length === 0) return;
      const given = await call(queue, some);
      positions.forEach((position, index) => {
        answers[position] = given[index] ?? answerOfNone;
      });
    });
    await settleCalls(calls);
    return answers;
  }

  async #withIds<R>(
    ids: readonly string[],
    call: (queue: RedisQueue, ids: readonly string[]) => Promise<R>,
  ): Promise<R[]> {
    const places = ids.map((id) => placeOfId(id, this.#shards.length));
    const calls = this.#shards.map(async (queue, shard) => {
      const some = places.flatMap((place) => (place?.shard === shard ? [place.id] : []));
      return some.length === 0 ? [] : [await call(queue, some)];
    });
    return (await settleCalls(calls)).flat();
  }
}

function inShard(shard: number, verdict: EnqueueVerdict): EnqueueVerdict {
  return 'id' in verdict ? { ...verdict, id: idIn(shard, verdict.id) } : verdict;
}
