import { createDeferred, type Clock, type Deferred } from '@holdfast/internal';
import type { ShardHost, Shards } from './shards.ts';

/**
 * The shards of one scheduler, from its start to its end:
 *
 * - idle      from the start, and when the shards could not start
 * - starting  entered with the first `start()`; left when the shards have started, or could not, and with `giveUp()`
 * - started   entered when they have
 * - hanging   entered with `giveUp()` while they start: whoever waits for them is rejected, and `close()` is bounded
 */
export class ShardsSession {
  readonly #shards: Shards;
  readonly #host: ShardHost;
  readonly #clock: Clock;
  #starting: { readonly outcome: Promise<void>; readonly givenUp: Deferred<never> } | undefined;
  #isPending = false;

  constructor(shards: Shards, host: ShardHost, clock: Clock) {
    this.#shards = shards;
    this.#host = host;
    this.#clock = clock;
  }

  /** Starts them once; every call returns the same promise. When that has failed, the next call tries again. */
  start(): Promise<void> {
    this.#starting ??= this.#begin();
    return this.#starting.outcome;
  }

  /** Rejects whoever waits for the start, if it has not ended yet. */
  giveUp(reason: Error): void {
    if (this.#isPending) this.#starting?.givenUp.reject(reason);
  }

  /** Waits for as long as it takes; for shards that hang in their start for `timeoutMs`. */
  async close(timeoutMs: number): Promise<void> {
    const closing = this.#shards.close();
    if (!this.#isPending) return closing;
    const waited = createDeferred<void>();
    const timer = this.#clock.setTimer(() => waited.resolve(), timeoutMs);
    try {
      await Promise.race([closing, waited.promise]);
    } finally {
      timer.cancel();
    }
  }

  #begin(): { readonly outcome: Promise<void>; readonly givenUp: Deferred<never> } {
    const givenUp = createDeferred<never>();
    this.#isPending = true;
    const starting = (async () => this.#shards.start(this.#host))().finally(() => {
      this.#isPending = false;
    });
    const outcome = Promise.race([starting, givenUp.promise]);
    outcome.catch(() => (this.#starting = undefined));
    return { outcome, givenUp };
  }
}
