import { createLifecycle, createListeners, type Lifecycle } from '@holdfast/internal';
import { OwnershipLostError, ShardsClosedError, ShardTotalError } from '../errors.ts';
import type { ShardHost, ShardOwnership, Shards, ShardsEvents, ShardsSnapshot } from '../shards.ts';
import { shardOf } from '../shards/hash.ts';
import { Alarm } from './alarm.ts';
import { drainShards } from './give-back.ts';
import { Holdings } from './holdings.ts';
import { openSchema } from './install.ts';
import { LeaseConnection } from './lease-connection.ts';
import { ShardLease } from './lease.ts';
import { planMoves, Targets } from './plan-moves.ts';
import { Settling } from './settling.ts';
import type { ResolvedShardsOptions } from './shard-options.ts';
import { ShardStore, type GroupView } from './shard-store.ts';

/**
 * One member of a group:
 *
 * - `away`     entered at creation, and when the lease has ended: what ran is abandoned; each round tries to join
 * - `member`   entered when a join succeeds; each round renews when it is time, looks at the group, gives back and takes
 * - `leaving`  entered at `close()`; renews until the host has drained everything, then leaves; final
 *
 * Rounds follow one another, so there is one statement at a time. Only the end of the trust comes at any moment, and
 * what a statement brings after it is dropped.
 */
export class ShardMember implements Shards {
  readonly #options: ResolvedShardsOptions;
  readonly #connection: LeaseConnection;
  readonly #store: ShardStore;
  readonly #lease: ShardLease;
  readonly #holdings: Holdings;
  readonly #targets: Targets;
  readonly #settling: Settling;
  readonly #alarm: Alarm;
  readonly #lifecycle: Lifecycle;
  readonly #listeners = createListeners<ShardsEvents>({ change: true, error: true });
  /** Drained, and not given back yet. */
  readonly #drained = new Map<number, bigint>();
  #host: ShardHost | undefined;
  #running: Promise<void> | undefined;
  #view: GroupView | undefined;
  #mismatch: string | undefined;
  #lastFailure: unknown;
  #isLeaving = false;
  #isOver = false;

  constructor(options: ResolvedShardsOptions) {
    const { clock, shards, memberId, settleMs } = options;
    this.#options = options;
    this.#connection = new LeaseConnection(options.createClient, clock);
    this.#store = new ShardStore(this.#connection, options);
    this.#lease = new ShardLease(options, clock, () => this.#expire());
    this.#holdings = new Holdings(shards);
    this.#targets = new Targets(shards, memberId);
    this.#settling = new Settling(settleMs);
    this.#alarm = new Alarm(clock);
    this.#lifecycle = createLifecycle({
      start: () => this.#open(),
      close: () => this.#leave(),
      closedError: () => new ShardsClosedError(),
    });
  }

  start(host: ShardHost): Promise<void> {
    this.#host ??= host;
    return this.#lifecycle.start();
  }

  close(): Promise<void> {
    return this.#lifecycle.close();
  }

  ownershipOf(zoneId: string): ShardOwnership | undefined {
    if (this.#isLeaving || !this.#lease.isTrusted()) return undefined;
    return this.#holdings.workable(shardOf(zoneId, this.#options.shards));
  }

  isHeld(ownership: ShardOwnership): boolean {
    return this.#lease.isTrusted() && this.#holdings.has(ownership);
  }

  snapshot(): ShardsSnapshot {
    const isTrusted = this.#lease.isTrusted();
    const { leftMs } = this.#lease;
    return {
      total: this.#options.shards,
      owned: isTrusted ? this.#holdings.size : 0,
      unowned: this.#view?.unowned ?? this.#options.shards,
      members: this.#view?.members.length ?? 0,
      trustedForMs: leftMs,
      mismatch: this.#mismatch,
    };
  }

  on<K extends keyof ShardsEvents>(
    event: K,
    listener: (payload: ShardsEvents[K]) => void,
  ): () => void {
    return this.#listeners.on(event, listener);
  }

  async #open(): Promise<void> {
    try {
      await openSchema(this.#connection, this.#options);
      await this.#join();
    } catch (error) {
      this.#connection.close();
      throw error;
    }
    this.#running = this.#run();
  }

  async #run(): Promise<void> {
    while (!this.#isOver) {
      let isPending = true;
      try {
        isPending = await this.#round();
      } catch (error) {
        this.#lastFailure = error;
        this.#listeners.emit('error', { error });
      }
      await this.#alarm.wait(this.#waitMs(isPending));
    }
  }

  /** Whether there is more to do soon. */
  async #round(): Promise<boolean> {
    if (this.#lease.isExpired) this.#expire();
    if (!this.#lease.isTrusted()) {
      if (this.#isLeaving) return false;
      await this.#join();
      if (!this.#lease.isTrusted()) return true;
    } else if (this.#lease.untilRenewalMs === 0) {
      await this.#renew();
    }
    this.#lastFailure = undefined;
    if (this.#isLeaving || !this.#lease.isTrusted()) return !this.#isLeaving;
    return this.#balance();
  }

  /** @throws {ShardTotalError} */
  async #join(): Promise<void> {
    const { clock, group, shards, memberId, renewMs } = this.#options;
    const sentAtMs = clock.now();
    const answer = await this.#store.join(this.#lease.identity, renewMs);
    switch (answer.outcome) {
      case 'joined':
        this.#mismatch = undefined;
        // An answer that is late is no lease, as the next round sees.
        this.#lease.granted(sentAtMs);
        return;
      case 'waiting':
        this.#mismatch = `another process is member ${memberId} of ${group}`;
        return;
      case 'mismatch': {
        const error = new ShardTotalError(group, answer.total, shards);
        this.#mismatch = error.message;
        throw error;
      }
      default: {
        const impossible: never = answer;
        return impossible;
      }
    }
  }

  async #renew(): Promise<void> {
    const sentAtMs = this.#options.clock.now();
    const { identity } = this.#lease;
    const isRenewed = await this.#store.renew(identity, this.#timeoutMs());
    // An answer that comes after the trust has ended cannot bring it back: others were told.
    if (identity !== this.#lease.identity || !this.#lease.isTrusted()) return;
    if (isRenewed) this.#lease.granted(sentAtMs);
    else this.#lose('the server says that the lease has ended');
  }

  async #balance(): Promise<boolean> {
    const { identity } = this.#lease;
    const view = await this.#store.look(this.#timeoutMs());
    if (identity !== this.#lease.identity || !this.#lease.isTrusted()) return true;
    this.#view = view;
    this.#dropDisowned(view);

    const { clock, memberId, shards, maxMovesPerRound } = this.#options;
    const isSettled = this.#settling.see(Targets.keyOf(view), clock.now());
    const moves = planMoves(this.#targets.of(view), memberId, {
      held: this.#holdings.held,
      draining: this.#holdings.draining,
      view,
      isSettled,
      maxGiven: maxMovesPerRound ?? Math.ceil(shards / Math.max(1, view.members.length)),
    });
    if (moves.giveBack.length > 0) this.#drain(moves.giveBack);
    await this.#free(moves.free);
    const taken = moves.take.length === 0 ? 0 : await this.#take(moves.take);
    return !isSettled || taken < moves.take.length || this.#holdings.draining.size > 0;
  }

  #drain(shards: readonly number[]): void {
    const host = this.#theHost;
    const { clock, ttlMs } = this.#options;
    const { identity } = this.#lease;
    this.#holdings.drain(shards);
    const toldDrained = (): void => {
      // The lease has ended meanwhile, and with it whatever was to be given back.
      if (identity !== this.#lease.identity) return;
      for (const shard of shards) {
        const epoch = this.#holdings.epochOf(shard);
        if (epoch !== undefined) this.#drained.set(shard, epoch);
      }
      this.#alarm.ring();
    };
    drainShards({ host, clock, timeoutMs: ttlMs }, shards).then(toldDrained, (error: unknown) => {
      this.#listeners.emit('error', { error });
      host.abandon(shards, new OwnershipLostError(shards, 'they could not be drained'));
      toldDrained();
    });
  }

  async #free(stray: ReadonlyMap<number, bigint>): Promise<void> {
    const given = new Map([...stray, ...this.#drained]);
    if (given.size === 0) return;
    const freed = await this.#store.free(given, this.#timeoutMs());
    for (const shard of freed) this.#drained.delete(shard);
    this.#tell([], this.#holdings.remove(freed));
  }

  async #take(wanted: readonly number[]): Promise<number> {
    const { group, memberId } = this.#options;
    const { identity } = this.#lease;
    const taken = await this.#store.take(identity, wanted, this.#timeoutMs());
    // They are ours by the server, and are taken once more after the next join.
    if (identity !== this.#lease.identity || !this.#lease.isTrusted()) return 0;
    for (const [shard, epoch] of taken) {
      this.#holdings.add(Object.freeze({ group, shard, epoch, owner: memberId }));
    }
    this.#tell([...taken.keys()], []);
    return taken.size;
  }

  /** Whatever the server does not say is ours was taken from us, by a hand or by a server that was set back. */
  #dropDisowned(view: GroupView): void {
    const gone = this.#holdings.all.filter(
      (shard) => view.mine.get(shard) !== this.#holdings.epochOf(shard),
    );
    this.#abandon(gone, 'the server says that they are not');
  }

  #expire(): void {
    this.#lose('the lease was not renewed in time');
  }

  #lose(why: string): void {
    this.#lease.end();
    this.#abandon(this.#holdings.all, why);
    this.#alarm.ring();
  }

  #abandon(shards: readonly number[], why: string): void {
    if (shards.length === 0) return;
    for (const shard of shards) this.#drained.delete(shard);
    this.#holdings.remove(shards);
    const cause = this.#lastFailure;
    const error = new OwnershipLostError(shards, why, cause === undefined ? {} : { cause });
    this.#theHost.abandon(shards, error);
    this.#tell([], shards);
  }

  #tell(gained: readonly number[], lost: readonly number[]): void {
    if (gained.length === 0 && lost.length === 0) return;
    const members = this.#view?.members.length ?? 0;
    this.#listeners.emit('change', { gained, lost, members });
  }

  async #leave(): Promise<void> {
    this.#isLeaving = true;
    await this.#theHost.drain(this.#holdings.all);
    this.#isOver = true;
    this.#alarm.ring();
    await this.#running;
    const { identity } = this.#lease;
    const isTrusted = this.#lease.isTrusted();
    const given = this.#holdings.remove(this.#holdings.all);
    this.#lease.end();
    try {
      if (isTrusted) await this.#store.leave(identity, this.#options.renewMs);
    } catch (error) {
      // The lease then ends by itself.
      this.#listeners.emit('error', { error });
    }
    this.#connection.close();
    this.#tell([], given);
  }

  /** While something is to be had, or has failed, five times as often. */
  #waitMs(isPending: boolean): number {
    const { renewMs } = this.#options;
    if (isPending) return renewMs / 5;
    return this.#lease.isTrusted() ? this.#lease.untilRenewalMs : renewMs;
  }

  /** Never longer than the lease can be trusted. */
  #timeoutMs(): number {
    return Math.min(this.#options.renewMs, this.#lease.leftMs);
  }

  get #theHost(): ShardHost {
    if (this.#host === undefined) throw new TypeError('start() needs a host');
    return this.#host;
  }
}
