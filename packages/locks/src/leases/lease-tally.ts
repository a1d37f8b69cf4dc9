import type { EmitLeaseEvent, LeaseEvents, LeasesSnapshot } from './lease-contract.ts';

/** Counts what happens to leases, and tells it. */
export class LeaseTally {
  readonly #emit: EmitLeaseEvent;
  readonly #counts = {
    acquired: 0,
    timedOut: 0,
    renewed: 0,
    renewalsFailed: 0,
    lost: 0,
    released: 0,
    releasesFailed: 0,
    waiting: 0,
    held: 0,
  };

  constructor(emit: EmitLeaseEvent) {
    this.#emit = emit;
  }

  snapshot(): LeasesSnapshot {
    return { ...this.#counts };
  }

  waiting(change: 1 | -1): void {
    this.#counts.waiting += change;
  }

  acquired(event: LeaseEvents['leaseAcquired']): void {
    this.#counts.acquired += 1;
    this.#counts.held += 1;
    this.#emit('leaseAcquired', event);
  }

  timedOut(event: LeaseEvents['leaseTimeout']): void {
    this.#counts.timedOut += 1;
    this.#emit('leaseTimeout', event);
  }

  renewed(event: LeaseEvents['leaseRenewed']): void {
    this.#counts.renewed += 1;
    this.#emit('leaseRenewed', event);
  }

  renewalFailed(event: LeaseEvents['leaseRenewalFailed']): void {
    this.#counts.renewalsFailed += 1;
    this.#emit('leaseRenewalFailed', event);
  }

  /** It is held no more, before it is released. */
  lost(event: LeaseEvents['leaseLost']): void {
    this.#counts.lost += 1;
    this.#counts.held -= 1;
    this.#emit('leaseLost', event);
  }

  /** Its holder lets go of it, before the server knows. */
  letGo(): void {
    this.#counts.held -= 1;
  }

  released(event: LeaseEvents['leaseReleased']): void {
    this.#counts.released += 1;
    this.#emit('leaseReleased', event);
  }

  releaseFailed(event: LeaseEvents['leaseReleaseFailed']): void {
    this.#counts.releasesFailed += 1;
    this.#emit('leaseReleaseFailed', event);
  }
}
