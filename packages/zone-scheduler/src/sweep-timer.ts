import type { Clock, Timer } from '@holdfast/internal';

export interface SweepTimer {
  /** Makes sure that a sweep happens at `dueMs`, or before. */
  watch(dueMs: number): void;
  /** A sweep is overdue: the event loop stood still until now. */
  isLate(nowMs: number): boolean;
  stop(): void;
}

/** A timer that is later than that tells of an event loop that stood still. */
const LATE_MS = 20;

/**
 * One timer for any number of deadlines. `sweep` deals with what is due and returns when the next deadline is, if there
 * is one. Deadlines that are met in time cost nothing: nobody cancels them.
 *
 * After the event loop stood still it waits for one more turn of it: timers come before what has arrived meanwhile (Node.js
 * manual, "The Node.js event loop"), and what is done but for being read would be given up.
 *
 * @param sweep is told what the time is, and what it was when the timer fired.
 */
export function createSweepTimer(
  clock: Clock,
  sweep: (nowMs: number, firedMs: number) => number | undefined,
): SweepTimer {
  let timer: Timer | undefined;
  let armedMs = Infinity;
  let isPutOff = false;

  const isLate = (nowMs: number): boolean => nowMs - armedMs > LATE_MS;
  const stop = (): void => {
    timer?.cancel();
    timer = undefined;
    armedMs = Infinity;
    isPutOff = false;
  };
  const watch = (dueMs: number): void => {
    if (isPutOff || dueMs >= armedMs) return;
    stop();
    armedMs = dueMs;
    timer = clock.setTimer(fire, dueMs - clock.now());
  };
  const fire = (): void => {
    const firedMs = clock.now();
    if (isLate(firedMs)) {
      isPutOff = true;
      timer = clock.setTimer(() => run(clock.now(), firedMs), 0);
    } else {
      run(firedMs, firedMs);
    }
  };
  const run = (nowMs: number, firedMs: number): void => {
    stop();
    const nextMs = sweep(nowMs, firedMs);
    if (nextMs !== undefined) watch(nextMs);
  };

  return { watch, isLate, stop };
}
