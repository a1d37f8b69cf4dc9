import {
  createLifecycle,
  createListeners,
  isHoldfastError,
  type Lifecycle,
} from '@holdfast/internal';
import { ShardsClosedError, ShardTotalError } from '../errors.ts';
import { requirePort } from '../require-port.ts';
import type { ShardHost, ShardOwnership, Shards, ShardsEvents, ShardsSnapshot } from '../shards.ts';
import { shardOf } from '../shards/hash.ts';
import { Alarm } from './alarm.ts';
import { Holdings } from './holdings.ts';
import { openSchema } from './install.ts';
import { LeaseConnection } from './lease-connection.ts';
import { ShardLease } from './lease.ts';
import { longestSettlingMs } from './settling.ts';
import type { ResolvedShardsOptions } from './shard-options.ts';
import { ShardMoves } from './shard-moves.ts';
import { ShardStore } from './shard-store.ts';

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
  readonly #moves: ShardMoves;
  readonly #alarm: Alarm;
  readonly #lifecycle: Lifecycle;
  readonly #listeners = createListeners<ShardsEvents>({ change: true, error: true });
  #host: ShardHost | undefined;
  #running: Promise<void> | undefined;
  #mismatch: string | undefined;
  #lastFailure: unknown;
  /** Until then shards without an owner are no news: those who start share them out. */
  #settlesByMs = -Infinity;
  #isLeaving = false;
  #isOver = false;

  constructor(options: ResolvedShardsOptions) {
    const { clock, shards } = options;
    this.#options = options;
    this.#connection = new LeaseConnection(options.createClient, clock);
    this.#store = new ShardStore(this.#connection, options);
    this.#lease = new ShardLease(options, clock, () => this.#expire());
    this.#holdings = new Holdings(shards);
    this.#alarm = new Alarm(clock);
    this.#moves = new ShardMoves({
      options,
      store: this.#store,
      lease: this.#lease,
      holdings: this.#holdings,
      host: () => this.#theHost,
      emit: this.#listeners.emit,
      onDrained: () => this.#alarm.ring(),
    });
    this.#lifecycle = createLifecycle({
      start: () => this.#open(),
      close: () => this.#leave(),
      closedError: () => new ShardsClosedError(),
    });
  }

  start(host: ShardHost): Promise<void> {
    this.#host ??= requirePort('host', host, ['drain', 'abandon']);
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
    const isSettling = this.#options.clock.now() < this.#settlesByMs;
    return {
      total: this.#options.shards,
      owned: isTrusted ? this.#holdings.size : 0,
      unowned: this.#moves.view?.unowned ?? this.#options.shards,
      isSettling: isSettling && !this.#moves.wasCovered,
      members: this.#moves.view?.members.length ?? 0,
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
    const { clock, settleMs, renewMs } = this.#options;
    this.#settlesByMs = clock.now() + longestSettlingMs(settleMs) + renewMs;
    try {
      await openSchema(this.#connection, this.#options);
      await this.#joinFirst();
    } catch (error) {
      this.#connection.close();
      throw error;
    }
    this.#running = this.#run();
  }

  /** The server is there, as the look at the schema has shown: when it is only slow to answer, the rounds try again. */
  async #joinFirst(): Promise<void> {
    try {
      await this.#join();
    } catch (error) {
      if (!isHoldfastError(error, 'SHARD_REQUEST_TIMEOUT')) throw error;
      this.#fail(error);
    }
  }

  async #run(): Promise<void> {
    while (!this.#isOver) {
      let isPending = true;
      try {
        isPending = await this.#round();
      } catch (error) {
        this.#fail(error);
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
    return this.#moves.balance();
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
    const isRenewed = await this.#store.renew(
      identity,
      Math.min(this.#options.renewMs, this.#lease.leftMs),
    );
    // An answer that comes after the trust has ended cannot bring it back: others were told.
    if (identity !== this.#lease.identity || !this.#lease.isTrusted()) return;
    if (isRenewed) this.#lease.granted(sentAtMs);
    else this.#lose('the server says that the lease has ended');
  }

  #fail(error: unknown): void {
    this.#lastFailure = error;
    this.#listeners.emit('error', { error });
  }

  #expire(): void {
    this.#lose('the lease was not renewed in time');
  }

  #lose(why: string): void {
    this.#lease.end();
    this.#moves.abandon(this.#holdings.all, why, this.#lastFailure);
    this.#alarm.ring();
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
    this.#moves.tell([], given);
  }

  /** While something is to be had, or has failed, five times as often. */
  #waitMs(isPending: boolean): number {
    const { renewMs } = this.#options;
    if (isPending) return renewMs / 5;
    return this.#lease.isTrusted() ? this.#lease.untilRenewalMs : renewMs;
  }

  get #theHost(): ShardHost {
    if (this.#host === undefined) throw new TypeError('start() needs a host');
    return this.#host;
  }
}
