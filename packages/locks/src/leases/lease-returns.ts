import { createBackoff, sleep, type Clock, type Random } from '@holdfast/internal';

/** About six seconds in all; what is left then ends by its own expiry. */
const TRIES = 6;

/**
 * Gives leases back that nobody waits for any more: an acquire that was given up may have been applied, or be so yet, when
 * it was on its way; and a release may have failed.
 */
export class LeaseReturns {
  readonly #clock: Clock;
  readonly #backoff: (attempt: number, previousMs: number) => number;
  readonly #running = new Set<Promise<unknown>>();

  constructor({ clock, random }: { readonly clock: Clock; readonly random: Random }) {
    this.#clock = clock;
    this.#backoff = createBackoff({ baseMs: 100, capMs: 3_200, jitter: 'equal', random });
  }

  /** Calls `release` until it says true, or it is not worth while any more: after `forMs`, or six tries. */
  giveBack(release: () => Promise<boolean>, forMs: number): void {
    this.track(this.#giveBack(release, this.#clock.now() + forMs));
  }

  /** Lets `idle` wait for what nobody else waits for. */
  track(work: Promise<unknown>): void {
    const settled: Promise<unknown> = work.then(
      () => this.#running.delete(settled),
      () => this.#running.delete(settled),
    );
    this.#running.add(settled);
  }

  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  async #giveBack(release: () => Promise<boolean>, untilMs: number): Promise<void> {
    for (let attempt = 1; attempt <= TRIES && this.#clock.now() < untilMs; attempt += 1) {
      // A failure is one of the reasons to try again, and was told when the lease was given up.
      const isDone = await release().catch(() => false);
      if (isDone) return;
      await sleep(this.#backoff(attempt, 0), { clock: this.#clock, background: true });
    }
  }
}
