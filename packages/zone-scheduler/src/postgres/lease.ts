import { randomUUID } from 'node:crypto';
import type { Clock, Timer } from '@holdfast/internal';
import type { Identity } from './shard-store.ts';

interface LeaseTimes {
  readonly ttlMs: number;
  readonly renewMs: number;
  readonly safetyMs: number;
}

/**
 * The lease of this member, as far as it may trust in it:
 *
 * - `none`     entered at creation and at `end()`; the next identity replaces the last one
 * - `trusted`  entered by `joined`; renewals move its end, unless it has passed
 * - `expired`  entered when the clock passes the end, also when no timer has run since; left by `end()`
 *
 * The end is anchored to when the request was *sent*: the server began to count at that moment or later, so a slow answer
 * cannot stretch the lease. It is one margin earlier than the server's.
 */
export class ShardLease {
  readonly #times: LeaseTimes;
  readonly #clock: Clock;
  readonly #onExpired: () => void;
  #identity: Identity = { instance: randomUUID(), previous: undefined };
  #trustedUntilMs = -Infinity;
  #renewAtMs = -Infinity;
  #state: 'none' | 'trusted' = 'none';
  #timer: Timer | undefined;

  constructor(times: LeaseTimes, clock: Clock, onExpired: () => void) {
    this.#times = times;
    this.#clock = clock;
    this.#onExpired = onExpired;
  }

  /** Kept until it is known to have joined, so that a join whose answer was lost is not in the way of the next one. */
  get identity(): Identity {
    return this.#identity;
  }

  get leftMs(): number {
    return this.#state === 'none' ? 0 : Math.max(0, this.#trustedUntilMs - this.#clock.now());
  }

  isTrusted(): boolean {
    return this.#state === 'trusted' && this.#clock.now() < this.#trustedUntilMs;
  }

  /** It was held and its time is over, though nobody may have said so yet. */
  get isExpired(): boolean {
    return this.#state === 'trusted' && !this.isTrusted();
  }

  get untilRenewalMs(): number {
    return Math.max(0, this.#renewAtMs - this.#clock.now());
  }

  /** Of a join, or of a renewal whose answer came in time. */
  granted(sentAtMs: number): void {
    const { ttlMs, safetyMs, renewMs } = this.#times;
    this.#state = 'trusted';
    this.#trustedUntilMs = sentAtMs + ttlMs - safetyMs;
    this.#renewAtMs = sentAtMs + renewMs;
    this.#watch();
  }

  end(): void {
    this.#timer?.cancel();
    if (this.#state === 'none') return;
    this.#state = 'none';
    this.#identity = { instance: randomUUID(), previous: this.#identity.instance };
  }

  #watch(): void {
    this.#timer?.cancel();
    const look = (): void => {
      // Timers of the platform may be a millisecond early.
      if (this.isTrusted()) this.#watch();
      else if (this.isExpired) this.#onExpired();
    };
    this.#timer = this.#clock.setTimer(look, Math.max(1, this.leftMs), { background: true });
  }
}
