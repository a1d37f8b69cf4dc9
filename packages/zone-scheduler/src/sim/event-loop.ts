import type { Clock } from '@holdfast/internal';

/** The event loop of one process: its timers fire, and what it waits for arrives, only while it runs. */
export interface EventLoop {
  /** As the process sees it. */
  readonly clock: Clock;
  /** Does not run for so long from now on: a collection of garbage, a synchronous call, a machine that is short of CPU. */
  stall(ms: number): void;
  /** What others have done, when the process takes notice of it. */
  deliver(arriving: Promise<void>): Promise<void>;
}

/**
 * - running  from the start
 * - stalled  entered with `stall`; what falls due or arrives is held until it is over. First come the timers, then what has
 *            arrived, as in Node.js (manual, "The Node.js event loop": timers, then poll)
 */
export function createEventLoop(clock: Clock): EventLoop {
  let stalledUntilMs = -Infinity;
  let timers: (() => void)[] = [];
  let arrivals: (() => void)[] = [];

  const isRunning = (): boolean => clock.now() >= stalledUntilMs;

  const goOn = (): void => {
    // Another stall may have begun in this one.
    if (!isRunning()) return;
    const due = timers;
    const arrived = arrivals;
    timers = [];
    arrivals = [];
    for (const fire of due) fire();
    for (const take of arrived) take();
  };

  return {
    clock: {
      now: () => clock.now(),
      wallNow: () => clock.wallNow(),
      setTimer(fire, delayMs) {
        let isCancelled = false;
        const run = (): void => {
          if (isCancelled) return;
          if (isRunning()) fire();
          else timers.push(run);
        };
        const timer = clock.setTimer(run, delayMs);
        return {
          cancel() {
            isCancelled = true;
            timer.cancel();
          },
        };
      },
    },
    stall(ms) {
      stalledUntilMs = Math.max(stalledUntilMs, clock.now() + ms);
      clock.setTimer(goOn, ms);
    },
    async deliver(arriving) {
      try {
        await arriving;
      } finally {
        if (!isRunning()) await new Promise<void>((resolve) => arrivals.push(resolve));
      }
    },
  };
}
