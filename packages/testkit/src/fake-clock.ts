import type { Clock, Timer } from '@holdfast/internal';
import { TimerHeap, type HeapTimer } from './timer-heap.ts';

/** A clock that moves only when a test says so. */
export interface FakeClock extends Clock {
  /**
   * Moves time on by `ms` milliseconds and fires the timers that fall due, in order of their due time (equal ones in
   * the order they were set). Promises settle before the first timer, between timers and after the last one. Rejects
   * with what a timer's function throws; time then stands at that timer.
   *
   * @throws {RangeError} when `ms` is negative or not finite.
   */
  advance(ms: number): Promise<void>;
  /** How many timers are set and have neither fired nor been cancelled. */
  pending(): number;
}

export interface FakeClockOptions {
  /** Where `now()` starts, milliseconds. Default 0. */
  readonly startMs?: number | undefined;
  /** Where `wallNow()` starts, milliseconds since the epoch. Default 2026-01-01T00:00:00Z. */
  readonly wallStartMs?: number | undefined;
}

interface PendingTimer extends HeapTimer {
  readonly fire: () => void;
}

export function createFakeClock(options: FakeClockOptions = {}): FakeClock {
  const startMs = options.startMs ?? 0;
  const wallStartMs = options.wallStartMs ?? Date.UTC(2026, 0, 1);
  const timers = new TimerHeap<PendingTimer>();
  let order = 0;
  let pending = 0;
  let nowMs = startMs;
  let isAdvancing = false;

  return {
    now: () => nowMs,
    wallNow: () => wallStartMs + (nowMs - startMs),
    setTimer(fire, delayMs): Timer {
      const dueMs = nowMs + Math.max(0, delayMs);
      const timer: PendingTimer = { dueMs, order: (order += 1), isCancelled: false, fire };
      timers.push(timer);
      pending += 1;
      return {
        cancel() {
          // One that has fired counts as cancelled.
          if (timer.isCancelled) return;
          timer.isCancelled = true;
          pending -= 1;
        },
      };
    },
    async advance(ms) {
      if (!Number.isFinite(ms) || ms < 0) {
        throw new RangeError(`ms must be a finite number of at least 0, got ${ms}`);
      }
      if (isAdvancing) throw new Error('advance() was called while another advance() still runs');
      isAdvancing = true;
      try {
        const targetMs = nowMs + ms;
        await settle();
        for (;;) {
          const next = timers.first();
          if (next === undefined || next.dueMs > targetMs) break;
          nowMs = next.dueMs;
          timers.shift();
          next.isCancelled = true;
          pending -= 1;
          next.fire();
          await settle();
        }
        nowMs = targetMs;
      } finally {
        isAdvancing = false;
      }
    },
    pending: () => pending,
  };
}

/** One turn of the event loop: every promise that can settle without I/O has settled after it. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
