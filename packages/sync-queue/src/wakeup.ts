import { onAbort, type Clock } from '@holdfast/internal';

/** Lets one loop wait for news or a time, whichever comes first. News that comes before the wait is not missed. */
export class Wakeup {
  readonly #clock: Clock;
  #hasNews = false;
  #wake: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  notify(): void {
    this.#hasNews = true;
    this.#wake?.();
  }

  /** Forgets earlier news: to be called before looking at what the news are about. */
  reset(): void {
    this.#hasNews = false;
  }

  /** Resolves at news, after `ms` milliseconds or when `signal` aborts; never rejects. */
  async wait(ms: number, signal: AbortSignal): Promise<void> {
    if (this.#hasNews || signal.aborted) return;
    await new Promise<void>((resolve) => {
      const timer = this.#clock.setTimer(() => wake(), ms);
      const wake = (): void => {
        this.#wake = undefined;
        timer.cancel();
        off();
        resolve();
      };
      const off = onAbort(signal, () => wake());
      this.#wake = wake;
    });
  }
}
