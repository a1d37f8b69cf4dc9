import { sleep, type Backoff, type Clock } from '@holdfast/internal';
import type { SettleAnswer, Settlement } from './store.ts';

export interface SettleBatcherContext {
  readonly clock: Clock;
  /** In a call. */
  readonly maxItems: number;
  /** Once the consumer closes, a settlement is tried for so long. */
  readonly leaseMs: number;
  readonly backoff: Backoff;
  readonly settle: (settlements: readonly Settlement[]) => Promise<readonly SettleAnswer[]>;
  readonly onSettled: (
    settlement: Settlement,
    answer: { readonly answer: SettleAnswer; readonly isRepeat: boolean },
  ) => void;
  readonly isClosing: () => boolean;
}

interface Waiting {
  readonly settlements: readonly Settlement[];
  readonly resolve: () => void;
}

/**
 * Settles in calls of many: what is done in one turn, and while calls are on their way, goes together. Tries until the
 * store answers; once the consumer closes, only for the time of a lease.
 */
export class SettleBatcher {
  readonly #context: SettleBatcherContext;
  #waiting: Waiting[] = [];
  #isPumping = false;

  constructor(context: SettleBatcherContext) {
    this.#context = context;
  }

  /** Resolves when all are settled, or given up: their leases run out then. */
  settle(settlements: readonly Settlement[]): Promise<void> {
    if (settlements.length === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiting.push({ settlements, resolve });
      if (this.#isPumping) return;
      this.#isPumping = true;
      queueMicrotask(() => void this.#pump());
    });
  }

  async #pump(): Promise<void> {
    while (this.#waiting.length > 0) {
      const call = this.#nextCall();
      await this.#settleAll(call.flatMap(({ settlements }) => settlements));
      for (const { resolve } of call) resolve();
    }
    this.#isPumping = false;
  }

  #nextCall(): Waiting[] {
    let count = 0;
    let taken = 0;
    for (const { settlements } of this.#waiting) {
      count += settlements.length;
      if (taken > 0 && count > this.#context.maxItems) break;
      taken += 1;
    }
    return this.#waiting.splice(0, taken);
  }

  async #settleAll(settlements: readonly Settlement[]): Promise<void> {
    const { clock, leaseMs, backoff, settle, onSettled, isClosing } = this.#context;
    const startedMs = clock.now();
    for (let failures = 0; ; failures += 1) {
      let answers: readonly SettleAnswer[];
      try {
        answers = await settle(settlements);
      } catch {
        if (clock.now() - startedMs >= leaseMs && isClosing()) return;
        await sleep(backoff(failures + 1, 0), { clock });
        continue;
      }
      settlements.forEach((settlement, index) => {
        onSettled(settlement, { answer: answers[index] ?? 'stale', isRepeat: failures > 0 });
      });
      return;
    }
  }
}
