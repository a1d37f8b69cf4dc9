import { PRIORITY_COUNT } from '../store.ts';

/** A claim that looks at everything: what a hint hides is found within so much time. */
const FULL_LOOK_MS = 1000;
/** What is committed so long after its time is found by the news of it or by a full look. */
const READY_MARGIN_US = 250_000;
const DUE_MARGIN_US = 100_000;

export interface ClaimPlan {
  /** For each priority: nothing ready is older. */
  readonly readyFromUs: readonly number[];
  /** Nothing timed was due before. */
  readonly dueFromUs: number;
  /** How often something had become ready again. */
  readonly lowered: number;
}

export interface ClaimOutcome {
  readonly nowUs: number;
  /** When the claimed items had become ready. */
  readonly claimed: readonly { readonly priority: number; readonly readyUs: number }[];
  readonly isDueComplete: boolean;
  /** Nothing that was ready has been left. */
  readonly isEmptied: boolean;
  /** Since when the oldest is ready of what the claim has taken back, which it may have left to others. */
  readonly oldestUs: number | undefined;
}

/**
 * Where claims of this process begin to look. Rows that were claimed and deleted stay in the index for as long as any
 * transaction may see them; a claim that began at the front would step over all of them. So it begins behind what this
 * process knows to be gone: times only grow. Hints are only ever too low, or wrong until the next full look.
 */
export class ClaimHints {
  readonly #ready = new Array<number>(PRIORITY_COUNT).fill(0);
  #due = 0;
  #lookedAtMs = -Infinity;
  #lowered = 0;

  plan(nowMs: number): ClaimPlan {
    const lowered = this.#lowered;
    if (nowMs - this.#lookedAtMs < FULL_LOOK_MS) {
      return { readyFromUs: [...this.#ready], dueFromUs: this.#due, lowered };
    }
    this.#lookedAtMs = nowMs;
    return { readyFromUs: this.#ready.map(() => 0), dueFromUs: 0, lowered };
  }

  learn(plan: ClaimPlan, outcome: ClaimOutcome): void {
    const { nowUs, claimed, isDueComplete, isEmptied, oldestUs } = outcome;
    if (isDueComplete) this.#due = nowUs - DUE_MARGIN_US;
    // What has become ready again meanwhile, the claim may not have seen.
    if (plan.lowered !== this.#lowered) return;
    const latestUs = nowUs - READY_MARGIN_US;
    if (isEmptied) {
      this.#ready.fill(latestUs);
    } else {
      for (const { priority, readyUs } of claimed) {
        this.#ready[priority] = Math.min(readyUs, latestUs);
      }
    }
    if (oldestUs !== undefined) this.lower(oldestUs);
  }

  /** Something has become ready again that did so before. */
  lower(readyUs: number): void {
    this.#lowered += 1;
    for (const [priority, fromUs] of this.#ready.entries()) {
      this.#ready[priority] = Math.min(fromUs, readyUs);
    }
  }
}
