import type { Clock, Timer } from '@holdfast/internal';
import { EventQueue } from './event-queue.ts';

/**
 * Microtasks that are let pass before time moves on. A value passes fewer than ten of them on its way through one
 * policy, so that thirty policies on top of each other are not enough to be overtaken by the next event.
 */
const MICROTASKS = 300;

const soon = Promise.resolve();

/** A clock that jumps from event to event. */
export class SimulatedTime implements Clock {
  readonly #events = new EventQueue();
  #nowMs = 0;

  now(): number {
    return this.#nowMs;
  }

  wallNow(): number {
    return this.#nowMs;
  }

  setTimer(fn: () => void, delayMs: number): Timer {
    const event = this.#events.add(this.#nowMs + Math.max(0, delayMs), fn);
    return { cancel: () => void (event.isCancelled = true) };
  }

  /** Runs all events until `untilMs`, and whatever they set off. */
  async runUntil(untilMs: number): Promise<void> {
    for (;;) {
      const nextMs = this.#events.nextMs;
      if (nextMs === undefined || nextMs > untilMs) break;
      this.#nowMs = nextMs;
      let isIdle = true;
      while (this.#events.nextMs === nextMs) {
        const event = this.#events.take();
        if (event === undefined || event.isCancelled) continue;
        isIdle = false;
        event.fire();
      }
      if (isIdle) continue;
      for (let n = 0; n < MICROTASKS; n += 1) await soon;
    }
    this.#nowMs = untilMs;
  }
}
