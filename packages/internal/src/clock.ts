import { performance } from 'node:perf_hooks';

/** A running timer. */
export interface Timer {
  /** Stops the timer; harmless when it has fired or was cancelled before. */
  cancel(): void;
}

export interface TimerOptions {
  /** True: the timer alone does not keep the process alive. Default false. */
  readonly background?: boolean;
}

/** Where all time comes from: inject another one in tests and simulations. */
export interface Clock {
  /** Monotonic milliseconds with an arbitrary origin: for durations and deadlines. */
  now(): number;
  /** Milliseconds since the Unix epoch: for timestamps that people or other machines read. */
  wallNow(): number;
  /** Calls `fn` once, `delayMs` milliseconds from now. Negative delays count as 0, any length is kept. */
  setTimer(fn: () => void, delayMs: number, options?: TimerOptions): Timer;
}

/** Longest delay that `setTimeout` keeps; it fires at once for a longer one (Node.js manual, Timers). */
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;

/** The platform's clock. The only place in the packages that touches the platform's timers. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wallNow: () => Date.now(),
  setTimer(fn, delayMs, options) {
    if (delayMs > LONGEST_TIMEOUT_MS) return setInLegs(fn, delayMs, options);
    const handle = setTimeout(fn, delayMs);
    if (options?.background === true) handle.unref();
    return { cancel: () => clearTimeout(handle) };
  },
};

/** Resolves when what has arrived meanwhile has been dealt with: for long loops that would keep others waiting. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** Long delays are slept in legs, each within what the platform keeps. */
function setInLegs(fn: () => void, delayMs: number, options?: TimerOptions): Timer {
  const due = performance.now() + delayMs;
  let leg: Timer;
  const wake = (): void => {
    leg = systemClock.setTimer(fn, due - performance.now(), options);
  };
  leg = systemClock.setTimer(wake, LONGEST_TIMEOUT_MS, options);
  return { cancel: () => leg.cancel() };
}
