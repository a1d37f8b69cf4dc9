import { onAbort, throwIfAborted, type AbortSource } from './abort.ts';
import { systemClock, type Clock } from './clock.ts';

export interface SleepOptions {
  /** Default: the system clock. */
  readonly clock?: Clock | undefined;
  /** Ends the wait early: the promise rejects with `signal.reason`. */
  readonly signal?: AbortSource | undefined;
  /** True: the wait alone does not keep the process alive. Default false, because somebody awaits it. */
  readonly background?: boolean | undefined;
}

/** Resolves after `ms` milliseconds; leaves no timer and no listener behind, whichever way it ends. */
export async function sleep(ms: number, options: SleepOptions = {}): Promise<void> {
  const { clock = systemClock, signal, background = false } = options;
  throwIfAborted(signal);
  await new Promise<void>((resolve, reject) => {
    const timer = clock.setTimer(
      () => {
        off();
        resolve();
      },
      ms,
      { background },
    );
    const off = onAbort(signal, (reason) => {
      timer.cancel();
      reject(reason);
    });
  });
}
