import { nextTurn, requireNumber, type Clock } from '@holdfast/internal';
import { EventQueue } from './event-queue.ts';

/** A clock that jumps from timer to timer: hours of a schedule pass in seconds, and always in the same way. */
export interface VirtualClock extends Clock {
  /**
   * Fires all timers that fall due until `untilMs`, in their order, those of one instant in the order in which they were
   * set, and then stands at `untilMs`. Time moves on when every promise that an instant sets off has settled. What the
   * promises wait for must come from this clock: real I/O, and turns of the event loop, would be overtaken.
   *
   * @throws {RangeError} when `untilMs` is in the past, or not finite.
   */
  runUntil(untilMs: number): Promise<void>;
  /** Sets the wall clock forward, or back with a negative number. `now()` takes no part in it. */
  stepWall(ms: number): void;
}

/**
 * A shorter delay is one of this, as on the platform (Node.js manual, setTimeout): whoever arms a timer anew for what
 * rounding has left of it gets through.
 */
const SHORTEST_MS = 1;

/** Both of its times begin at 0. */
export function createVirtualClock(): VirtualClock {
  const events = new EventQueue();
  let nowMs = 0;
  let wallAheadMs = 0;
  return {
    now: () => nowMs,
    wallNow: () => nowMs + wallAheadMs,
    setTimer(fire, delayMs) {
      const event = events.add(nowMs + Math.max(SHORTEST_MS, delayMs), fire);
      return { cancel: () => void (event.isCancelled = true) };
    },
    async runUntil(untilMs) {
      requireNumber('untilMs', untilMs, { min: nowMs });
      // A macrotask runs when the queue of microtasks is empty, however many each of them adds: unlike a fixed number
      // of awaits, no chain of promises is too long for it (HTML standard, event loops; Node.js manual, event loop).
      await nextTurn();
      for (let next = events.first(); next !== undefined; next = events.first()) {
        if (next.dueMs > untilMs) break;
        nowMs = next.dueMs;
        for (let event = events.first(); event?.dueMs === nowMs; event = events.first()) {
          events.take();
          event.fire();
        }
        await nextTurn();
      }
      nowMs = untilMs;
    },
    stepWall(ms) {
      wallAheadMs += requireNumber('ms', ms);
    },
  };
}
