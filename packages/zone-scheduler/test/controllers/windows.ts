import type { WindowStats } from '../../src/controller.ts';

/** A full window of one second in which 400 runs of 100 ms succeeded, with what a test says instead. */
export function windowOf(given: Partial<WindowStats> = {}): WindowStats {
  const completed = given.completed ?? 400;
  const meanMs = given.meanMs ?? 100;
  return {
    durationMs: 1_000,
    completed,
    failed: 0,
    timedOut: 0,
    meanMs,
    p50Ms: meanMs,
    p90Ms: meanMs,
    slotMs: completed * meanMs,
    maxInFlight: 40,
    isFull: true,
    hasWaiting: true,
    loopDelayMs: 0,
    isPushedBack: false,
    ...given,
  };
}
