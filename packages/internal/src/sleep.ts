import { throwIfAborted } from './abort.ts';
import { systemClock, type Clock } from './clock.ts';
import { onAbort, type AbortSource } from './on-abort.ts';

export interface SleepOptions {
  /** Default: the system clock. */
  readonly clock?: Clock | undefined;
  /** Ends the wait early: the promise rejects with `signal.reason`. */
  readonly signal?: AbortSource | undefined;
  /** True: the wait alone does not keep the process alive. Default false, because somebody awaits it. */
  readonly background?: boolean | undefined;
}

/** Resolves after `ms` milliseconds, never before; leaves no timer and no listener behind, whichever way it ends. */
export async function sleep(ms: number, options: SleepOptions = {}): Promise<void> {
  const { clock = systemClock, signal, background = false } = options;
  throwIfAborted(signal);
  const dueMs = clock.now() + ms;
  await new Promise<void>((resolve, reject) => {
    // Timers of the platform cut fractions off and fire up to a millisecond early: never shorter than asked for.
    const wake = (): void => {
      const leftMs = dueMs - clock.now();
      if (leftMs > 0) {
        timer = clock.setTimer(wake, leftMs, { background });
        return;
      }
      off();
      resolve();
    };
    let timer = clock.setTimer(wake, ms, { background });
    const off = onAbort(signal, (reason) => {
      timer.cancel();
      reject(reason);
    });
  });
}
