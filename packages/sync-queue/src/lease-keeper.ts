import type { Clock, Timer } from '@holdfast/internal';
import { LeaseLostError } from './errors.ts';
import type { Lease } from './store.ts';

export interface LeaseKeeperContext {
  readonly clock: Clock;
  readonly leaseMs: number;
  readonly extend: (leases: readonly Lease[]) => Promise<readonly boolean[]>;
  readonly onLost: (lease: Lease) => void;
}

/**
 * Extends the leases of one batch at a third of their time. What cannot be extended in time counts as lost, by the time
 * at which the last successful call *started*, so that a slow answer cannot stretch a lease.
 */
export class LeaseKeeper {
  readonly #context: LeaseKeeperContext;
  readonly #controller = new AbortController();
  #held: readonly Lease[];
  #extendTimer: Timer | undefined;
  #expiryTimer: Timer | undefined;
  #isStopped = false;

  constructor(leases: readonly Lease[], claimedAtMs: number, context: LeaseKeeperContext) {
    this.#context = context;
    this.#held = leases;
    this.#setExpiry(claimedAtMs);
    this.#setExtension(context.leaseMs / 3);
  }

  /** Aborts with `LEASE_LOST` when a lease of the batch is lost. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  stop(): void {
    this.#isStopped = true;
    this.#extendTimer?.cancel();
    this.#expiryTimer?.cancel();
  }

  async #extend(): Promise<void> {
    const { clock, leaseMs, extend } = this.#context;
    const startedMs = clock.now();
    const leases = this.#held;
    let isHeld: readonly boolean[];
    try {
      isHeld = await extend(leases);
    } catch {
      // The expiry timer still runs; until then it is tried again.
      if (!this.#isStopped) this.#setExtension(leaseMs / 10);
      return;
    }
    if (this.#isStopped) return;
    const lost = leases.filter((_lease, index) => isHeld[index] !== true);
    this.#held = leases.filter((_lease, index) => isHeld[index] === true);
    this.#setExpiry(startedMs);
    this.#lose(lost);
    if (this.#held.length > 0) this.#setExtension(leaseMs / 3 - (clock.now() - startedMs));
    else this.stop();
  }

  #setExtension(delayMs: number): void {
    this.#extendTimer = this.#context.clock.setTimer(() => void this.#extend(), delayMs);
  }

  #setExpiry(fromMs: number): void {
    this.#expiryTimer?.cancel();
    const { clock, leaseMs } = this.#context;
    this.#expiryTimer = clock.setTimer(
      () => {
        this.stop();
        this.#lose(this.#held);
      },
      fromMs + leaseMs - clock.now(),
    );
  }

  #lose(lost: readonly Lease[]): void {
    if (lost.length === 0) return;
    for (const lease of lost) this.#context.onLost(lease);
    this.#controller.abort(new LeaseLostError(lost.map(({ id }) => id)));
  }
}
