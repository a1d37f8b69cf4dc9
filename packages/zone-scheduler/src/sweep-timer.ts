import type { Clock, Timer } from '@holdfast/internal';

export interface SweepTimer {
  /** Makes sure that a sweep happens at `dueMs`, or before. */
  watch(dueMs: number): void;
  stop(): void;
}

/**
 * One timer for any number of deadlines. `sweep` deals with what is due and returns when the next deadline is, if there
 * is one. Deadlines that are met in time cost nothing: nobody cancels them.
 */
export function createSweepTimer(
  clock: Clock,
  sweep: (nowMs: number) => number | undefined,
): SweepTimer {
  let timer: Timer | undefined;
  let armedMs = Infinity;

  const stop = (): void => {
    timer?.cancel();
    timer = undefined;
    armedMs = Infinity;
  };
  const watch = (dueMs: number): void => {
    if (dueMs >= armedMs) return;
    stop();
    armedMs = dueMs;
    timer = clock.setTimer(fire, dueMs - clock.now());
  };
  const fire = (): void => {
    stop();
    const nextMs = sweep(clock.now());
    if (nextMs !== undefined) watch(nextMs);
  };

  return { watch, stop };
}
