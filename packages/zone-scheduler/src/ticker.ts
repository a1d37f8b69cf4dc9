import type { Clock, Timer } from '@holdfast/internal';
import { latestTick, tickAt, type Tick, type TickSeries } from './ticks.ts';

export interface Ticker {
  stop(): void;
}

/**
 * Calls `onTick` now and then at every tick. While the promise of one call is pending no other begins: the ticks that
 * pass meanwhile go to `onMissed`. Owns one timer.
 */
export function startTicker(parts: {
  readonly clock: Clock;
  readonly cycleMs: number;
  readonly onTick: (tick: Tick) => Promise<void>;
  readonly onMissed: (ticks: number) => void;
}): Ticker {
  const { clock, cycleMs, onTick, onMissed } = parts;
  const series: TickSeries = { originMs: clock.now(), cycleMs };
  let isStopped = false;
  let timer: Timer | undefined;

  const fire = async (next: number): Promise<void> => {
    const { tick, missed } = latestTick(series, next, clock.now());
    if (missed > 0) onMissed(missed);
    await onTick(tick);
    if (!isStopped) arm(tick.index + 1);
  };
  const arm = (next: number): void => {
    const delayMs = tickAt(series, next).plannedMs - clock.now();
    timer = clock.setTimer(() => void fire(next), delayMs);
  };

  void fire(0);
  return {
    stop() {
      isStopped = true;
      timer?.cancel();
    },
  };
}
