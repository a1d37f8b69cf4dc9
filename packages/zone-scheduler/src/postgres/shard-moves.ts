import type { Listeners } from '@holdfast/internal';
import { ShardsLostError } from '../errors.ts';
import type { ShardHost, ShardsEvents } from '../shards.ts';
import { drainShards } from './give-back.ts';
import type { Holdings } from './holdings.ts';
import type { ShardLease } from './lease.ts';
import { planMoves, Targets } from './plan-moves.ts';
import { Settling } from './settling.ts';
import type { ResolvedShardsOptions } from './shard-options.ts';
import type { GroupView, ShardStore } from './shard-store.ts';

export interface ShardMovesParts {
  readonly options: ResolvedShardsOptions;
  readonly store: ShardStore;
  readonly lease: ShardLease;
  readonly holdings: Holdings;
  readonly host: () => ShardHost;
  readonly emit: Listeners<ShardsEvents>['emit'];
  /** Something can be given back now. */
  readonly onDrained: () => void;
}

/** Brings what a member has nearer to what it should have: looks at the group, drains, gives back, takes. */
export class ShardMoves {
  readonly #parts: ShardMovesParts;
  readonly #targets: Targets;
  readonly #settling: Settling;
  /** Drained, and not given back yet. */
  readonly #drained = new Map<number, bigint>();
  /** The group as it was seen last. */
  view: GroupView | undefined;
  /** Every shard was seen with an owner once. */
  wasCovered = false;

  constructor(parts: ShardMovesParts) {
    const { shards, memberId, settleMs } = parts.options;
    this.#parts = parts;
    this.#targets = new Targets(shards, memberId);
    this.#settling = new Settling(settleMs);
  }

  /** Whether there is more to do soon. */
  async balance(): Promise<boolean> {
    const { identity } = this.#parts.lease;
    const view = await this.#parts.store.look(this.#timeoutMs());
    if (identity !== this.#parts.lease.identity || !this.#parts.lease.isTrusted()) return true;
    this.view = view;
    this.wasCovered ||= view.unowned === 0;
    this.#dropDisowned(view);

    const { clock, memberId, shards, maxMovesPerRound } = this.#parts.options;
    const isSettled = this.#settling.see(Targets.keyOf(view), clock.now());
    const moves = planMoves(this.#targets.of(view), memberId, {
      held: this.#parts.holdings.held,
      draining: this.#parts.holdings.draining,
      view,
      isSettled,
      maxGiven: maxMovesPerRound ?? Math.ceil(shards / Math.max(1, view.members.length)),
    });
    if (moves.giveBack.length > 0) this.#drain(moves.giveBack);
    await this.#free(moves.free);
    const taken = moves.take.length === 0 ? 0 : await this.#take(moves.take);
    // What is taken, by this member or by another, shows in the next look.
    const isShared = isSettled && view.unowned === 0;
    return !isShared || taken < moves.take.length || this.#parts.holdings.draining.size > 0;
  }

  #drain(shards: readonly number[]): void {
    const host = this.#parts.host();
    const { clock, ttlMs } = this.#parts.options;
    const { identity } = this.#parts.lease;
    this.#parts.holdings.drain(shards);
    const toldDrained = (): void => {
      // The lease has ended meanwhile, and with it whatever was to be given back.
      if (identity !== this.#parts.lease.identity) return;
      for (const shard of shards) {
        const epoch = this.#parts.holdings.epochOf(shard);
        if (epoch !== undefined) this.#drained.set(shard, epoch);
      }
      this.#parts.onDrained();
    };
    drainShards({ host, clock, timeoutMs: ttlMs }, shards).then(toldDrained, (error: unknown) => {
      this.#parts.emit('error', { error });
      host.abandon(shards, new ShardsLostError(shards, 'they could not be drained'));
      toldDrained();
    });
  }

  async #free(stray: ReadonlyMap<number, bigint>): Promise<void> {
    const given = new Map([...stray, ...this.#drained]);
    if (given.size === 0) return;
    const freed = await this.#parts.store.free(given, this.#timeoutMs());
    for (const shard of freed) this.#drained.delete(shard);
    this.tell([], this.#parts.holdings.remove(freed));
  }

  async #take(wanted: readonly number[]): Promise<number> {
    const { group, memberId } = this.#parts.options;
    const { identity } = this.#parts.lease;
    const taken = await this.#parts.store.take(identity, wanted, this.#timeoutMs());
    // They are ours by the server, and are taken once more after the next join.
    if (identity !== this.#parts.lease.identity || !this.#parts.lease.isTrusted()) return 0;
    for (const [shard, epoch] of taken) {
      this.#parts.holdings.add(Object.freeze({ group, shard, epoch, owner: memberId }));
    }
    this.tell([...taken.keys()], []);
    return taken.size;
  }

  /** Whatever the server does not say is ours was taken from us, by a hand or by a server that was set back. */
  #dropDisowned(view: GroupView): void {
    const gone = this.#parts.holdings.all.filter(
      (shard) => view.mine.get(shard) !== this.#parts.holdings.epochOf(shard),
    );
    this.abandon(gone, 'the server says that they are not');
  }

  /** They are no longer ours: what runs of them is aborted. */
  abandon(shards: readonly number[], why: string, cause?: unknown): void {
    if (shards.length === 0) return;
    for (const shard of shards) this.#drained.delete(shard);
    this.#parts.holdings.remove(shards);
    const error = new ShardsLostError(shards, why, cause === undefined ? {} : { cause });
    this.#parts.host().abandon(shards, error);
    this.tell([], shards);
  }

  tell(gained: readonly number[], lost: readonly number[]): void {
    if (gained.length === 0 && lost.length === 0) return;
    this.#parts.emit('change', { gained, lost, members: this.view?.members.length ?? 0 });
  }

  /** Never longer than the lease can be trusted. */
  #timeoutMs(): number {
    return Math.min(this.#parts.options.renewMs, this.#parts.lease.leftMs);
  }
}
