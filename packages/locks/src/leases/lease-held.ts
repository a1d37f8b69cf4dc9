import { createBackoff, onAbort, type Clock, type Random, type Timer } from '@holdfast/internal';
import type { Lease, LeaseTransaction } from './lease-contract.ts';
import { LeaseLostError, type LeaseLossReason } from './lease-errors.ts';
import { guardCondition, guardTransaction, type Fence } from './lease-guard.ts';
import type { ResolvedLeaseOptions } from './lease-options.ts';
import type { LeaseReturns } from './lease-returns.ts';
import type { LeaseStore } from './lease-store.ts';
import type { LeaseTally } from './lease-tally.ts';
import { renewsAtMs, trustEndsAtMs } from './lease-trust.ts';

/** What all leases share. */
export interface LeaseParts {
  readonly store: LeaseStore;
  readonly returns: LeaseReturns;
  readonly tally: LeaseTally;
  readonly clock: Clock;
  readonly random: Random;
}

export interface AcquiredLease {
  readonly fence: Fence;
  readonly options: ResolvedLeaseOptions;
  /** When the request was sent that acquired it. */
  readonly sentAtMs: number;
  readonly onRenewed: (() => void) | undefined;
}

/**
 * A lease that was acquired:
 *
 * - `held`      entered at creation; renewals move the end of the trust
 * - `lost`      entered when the trust has ended, by a timer or by the first look at the clock, or when the server says that
 *               the token has moved; the signal aborts; renewals are ignored
 * - `released`  entered at `release()`; final
 */
export class HeldLease implements Lease {
  readonly key: string;
  readonly token: bigint;
  readonly holder: string;
  readonly #parts: LeaseParts;
  readonly #fence: Fence;
  readonly #options: ResolvedLeaseOptions;
  readonly #onRenewed: (() => void) | undefined;
  readonly #acquiredAtMs: number;
  readonly #aborting = new AbortController();
  readonly #unlink: () => void;
  readonly #backoff: (attempt: number, previousMs: number) => number;
  #trustEndsAtMs: number;
  #trustTimer: Timer | undefined;
  #renewalTimer: Timer | undefined;
  #renewing: Promise<void> | undefined;
  #releasing: Promise<boolean> | undefined;
  #failedRenewals = 0;
  #lastFailure: unknown;
  #lost: LeaseLostError | undefined;
  #isReleased = false;

  constructor(parts: LeaseParts, { fence, options, sentAtMs, onRenewed }: AcquiredLease) {
    this.key = fence.key;
    this.token = fence.token;
    this.holder = options.holder;
    this.#parts = parts;
    this.#fence = fence;
    this.#options = options;
    this.#onRenewed = onRenewed;
    this.#acquiredAtMs = sentAtMs;
    this.#trustEndsAtMs = trustEndsAtMs(sentAtMs, options.ttlMs);
    // A third of what is between two renewals at most, so that several fit in.
    const capMs = options.ttlMs / 9;
    this.#backoff = createBackoff({
      baseMs: Math.min(50, capMs),
      capMs,
      jitter: 'equal',
      random: parts.random,
    });
    this.#unlink = onAbort(options.signal, (reason) => this.#aborting.abort(reason));
    this.#watchTrust();
    this.#renewAt(renewsAtMs(sentAtMs, options.ttlMs));
  }

  get signal(): AbortSignal {
    return this.#aborting.signal;
  }

  /** Why the lease is lost; undefined while it is held, or when it was released before. */
  get lost(): LeaseLostError | undefined {
    if (this.#lost === undefined && !this.#isReleased && this.#leftMs() <= 0) {
      this.#lose('expired', this.#lastFailure);
    }
    return this.#lost;
  }

  // Functions of the object's own: who takes one lease apart need not know that it has a `this`.

  readonly remainingMs = (): number => (this.#gone() === undefined ? this.#leftMs() : 0);

  readonly assertHeld = (): void => {
    const gone = this.#gone();
    if (gone !== undefined) throw gone;
  };

  readonly renew = async (): Promise<void> => {
    this.assertHeld();
    this.#renewing ??= this.#renewOnce().finally(() => (this.#renewing = undefined));
    return this.#renewing;
  };

  readonly guard = async (tx: LeaseTransaction): Promise<void> => {
    this.assertHeld();
    await guardTransaction(tx, this.#fence);
  };

  readonly guardSql = (): string => guardCondition(this.#fence);

  readonly release = (): Promise<boolean> => (this.#releasing ??= this.#release());

  async [Symbol.asyncDispose](): Promise<void> {
    // What failed was told by an event, and must not take the place of what the block around it threw.
    await this.release().catch(() => undefined);
  }

  #leftMs(): number {
    return this.#trustEndsAtMs - this.#parts.clock.now();
  }

  #gone(): LeaseLostError | undefined {
    return (
      this.lost ??
      (this.#isReleased ? new LeaseLostError(this.key, this.token, 'released') : undefined)
    );
  }

  async #renewOnce(): Promise<void> {
    const { key, token } = this;
    const { store, tally } = this.#parts;
    const { ttlMs, requestTimeoutMs } = this.#options;
    this.#renewalTimer?.cancel();
    let sentAtMs: number | undefined;
    try {
      // Without a bound of its own, one that hangs would take the time of all that could follow it.
      sentAtMs = await store.renew(key, token, ttlMs, Math.min(requestTimeoutMs, this.#leftMs()));
    } catch (error) {
      this.#failedRenewals += 1;
      this.#lastFailure = error;
      tally.renewalFailed({ key, token, error });
      this.assertHeld();
      this.#renewAt(this.#parts.clock.now() + this.#backoff(this.#failedRenewals, 0));
      throw error;
    }
    // An answer that comes after the trust has ended cannot bring it back: others were told.
    this.assertHeld();
    if (sentAtMs === undefined) throw this.#lose('taken', this.#lastFailure);
    this.#failedRenewals = 0;
    this.#lastFailure = undefined;
    this.#trustEndsAtMs = trustEndsAtMs(sentAtMs, ttlMs);
    this.#watchTrust();
    this.#renewAt(renewsAtMs(sentAtMs, ttlMs));
    tally.renewed({ key, token });
    this.#onRenewed?.();
  }

  #renewAt(atMs: number): void {
    const { renew, maxHoldMs } = this.#options;
    if (!renew || atMs - this.#acquiredAtMs >= maxHoldMs) return;
    this.#renewalTimer?.cancel();
    // What it rejects with was told by an event, and the signal says when it matters.
    const start = (): void => void this.renew().catch(() => undefined);
    this.#renewalTimer = this.#setTimer(start, atMs);
  }

  /** Also when nothing answers, and nobody looks. */
  #watchTrust(): void {
    this.#trustTimer?.cancel();
    const look = (): void => {
      // Timers of the platform may be a millisecond early.
      if (this.#gone() === undefined) this.#watchTrust();
    };
    this.#trustTimer = this.#setTimer(look, this.#trustEndsAtMs);
  }

  #setTimer(fn: () => void, atMs: number): Timer {
    const { clock } = this.#parts;
    return clock.setTimer(fn, atMs - clock.now(), { background: true });
  }

  #lose(reason: LeaseLossReason, cause: unknown): LeaseLostError {
    const error = new LeaseLostError(this.key, this.token, reason, cause);
    this.#lost = error;
    this.#stop();
    this.#aborting.abort(error);
    this.#parts.tally.lost({ key: this.key, token: this.token, error });
    return error;
  }

  #stop(): void {
    this.#trustTimer?.cancel();
    this.#renewalTimer?.cancel();
    this.#unlink();
  }

  async #release(): Promise<boolean> {
    const { key, token } = this;
    const { store, tally, returns, clock } = this.#parts;
    const { requestTimeoutMs, ttlMs } = this.#options;
    if (this.lost === undefined) {
      this.#isReleased = true;
      this.#stop();
      tally.letGo();
    }
    const release = (): Promise<boolean> => store.release(key, token, requestTimeoutMs);
    try {
      const wasHeld = await release();
      tally.released({ key, token, heldMs: clock.now() - this.#acquiredAtMs, wasHeld });
      return wasHeld;
    } catch (error) {
      tally.releaseFailed({ key, token, error });
      returns.giveBack(release, ttlMs);
      throw error;
    }
  }
}
