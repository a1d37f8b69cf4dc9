import type { Clock, Timer } from '@holdfast/internal';
import { setMaxListeners } from 'node:events';
import { LeaseLostError } from './errors.ts';
import { lookingSignal } from './looking-signal.ts';
import type { Lease } from './store.ts';

export interface LeaseKeeperContext {
  readonly clock: Clock;
  readonly leaseMs: number;
  /** In a call. */
  readonly maxItems: number;
  readonly extend: (leases: readonly Lease[]) => Promise<readonly boolean[]>;
  readonly onLost: (lease: Lease) => void;
}

/** What one handler works on. */
export interface KeptLeases {
  /** Aborts with `LEASE_LOST` when one of the leases is lost; whoever reads it never sees a lease that ran out as held. */
  readonly signal: AbortSignal;
  /** Before settling: an item that is settled cannot be extended, and that would look like a lost lease. */
  stop(): void;
}

/**
 * Extends the leases of one consumer at a third of their time, all that are due in one call, by one timer. What cannot be
 * extended in time counts as lost, by the time at which the last successful call *started*, so that a slow answer cannot
 * stretch a lease.
 */
export class LeaseKeeper {
  readonly #context: LeaseKeeperContext;
  /** In the order of their next extension. */
  readonly #groups = new Set<Group>();
  #timer: Timer | undefined;
  #timerAtMs = Infinity;

  constructor(context: LeaseKeeperContext) {
    this.#context = context;
  }

  keep(leases: readonly Lease[], claimedAtMs: number): KeptLeases {
    const { leaseMs } = this.#context;
    const group = new Group({
      ...{
        held: leases,
        expiresAtMs: claimedAtMs + leaseMs,
        extendAtMs: claimedAtMs + leaseMs / 3,
      },
      stop: () => {
        this.#groups.delete(group);
        if (this.#groups.size === 0) this.#cancelTimer();
      },
      look: () => this.#loseExpired(group),
    });
    this.#groups.add(group);
    this.#wakeAt(group.extendAtMs);
    return group;
  }

  #wakeAt(atMs: number): void {
    if (atMs >= this.#timerAtMs) return;
    this.#cancelTimer();
    this.#timerAtMs = atMs;
    this.#timer = this.#context.clock.setTimer(
      () => this.#look(),
      atMs - this.#context.clock.now(),
    );
  }

  #cancelTimer(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#timerAtMs = Infinity;
  }

  #look(): void {
    this.#cancelTimer();
    const nowMs = this.#context.clock.now();
    const due: Group[] = [];
    let count = 0;
    for (const group of [...this.#groups]) {
      if (this.#loseExpired(group)) continue;
      if (nowMs >= group.extendAtMs && count + group.held.length <= this.#context.maxItems) {
        group.extendAtMs = Infinity;
        due.push(group);
        count += group.held.length;
      }
    }
    if (due.length > 0) void this.#extend(due, nowMs);
    for (const { extendAtMs, expiresAtMs } of this.#groups) {
      this.#wakeAt(Math.min(extendAtMs, expiresAtMs));
    }
  }

  async #extend(groups: readonly Group[], startedMs: number): Promise<void> {
    const { clock, leaseMs, extend } = this.#context;
    const leases = groups.flatMap(({ held }) => held);
    let isHeld: readonly boolean[] | undefined;
    try {
      isHeld = await extend(leases);
    } catch {
      // Until they expire it is tried again.
    }
    let offset = 0;
    for (const group of groups) {
      const { held } = group;
      const answers = isHeld?.slice(offset, offset + held.length);
      offset += held.length;
      if (!this.#groups.has(group)) continue;
      if (answers === undefined) {
        group.extendAtMs = clock.now() + leaseMs / 10;
      } else {
        group.held = held.filter((_lease, index) => answers[index] === true);
        group.expiresAtMs = startedMs + leaseMs;
        group.extendAtMs = startedMs + leaseMs / 3;
        this.#lose(
          group,
          held.filter((_lease, index) => answers[index] !== true),
        );
        if (group.held.length === 0) group.stop();
      }
      if (this.#groups.has(group)) this.#wakeAt(group.extendAtMs);
    }
  }

  #loseExpired(group: Group): boolean {
    if (!this.#groups.has(group) || this.#context.clock.now() < group.expiresAtMs) return false;
    group.stop();
    this.#lose(group, group.held);
    return true;
  }

  #lose(group: Group, lost: readonly Lease[]): void {
    if (lost.length === 0) return;
    for (const lease of lost) this.#context.onLost(lease);
    group.abort(new LeaseLostError(lost.map(({ id }) => id)));
  }
}

interface GroupStart {
  readonly held: readonly Lease[];
  readonly expiresAtMs: number;
  readonly extendAtMs: number;
  readonly stop: () => void;
  /** Loses the leases if they have run out. */
  readonly look: () => void;
}

class Group implements KeptLeases {
  held: readonly Lease[];
  expiresAtMs: number;
  extendAtMs: number;
  readonly stop: () => void;
  readonly #look: () => void;
  #controller: AbortController | undefined;
  #signal: AbortSignal | undefined;
  #reason: LeaseLostError | undefined;

  constructor({ held, expiresAtMs, extendAtMs, stop, look }: GroupStart) {
    this.held = held;
    this.expiresAtMs = expiresAtMs;
    this.extendAtMs = extendAtMs;
    this.stop = stop;
    this.#look = look;
  }

  /** Made when it is read first: most handlers of single items never look at it. */
  get signal(): AbortSignal {
    if (this.#signal === undefined) {
      this.#controller = new AbortController();
      this.#signal = lookingSignal(this.#controller.signal, this.#look);
      // One listener for each item of a batch is what it is for, and no leak.
      setMaxListeners(0, this.#signal);
      if (this.#reason !== undefined) this.#controller.abort(this.#reason);
    }
    return this.#signal;
  }

  abort(reason: LeaseLostError): void {
    this.#reason ??= reason;
    this.#controller?.abort(reason);
  }
}
