import { onAbort, type AbortSource } from './on-abort.ts';

/** Throws `signal.reason` itself when `signal` is aborted. */
export function throwIfAborted(signal: AbortSource | undefined): void {
  if (signal?.aborted === true) throw signal.reason;
}

/**
 * Settles as `promise` does, or rejects with `signal.reason` as soon as `signal` aborts. The work behind `promise`
 * goes on; its late rejection is handled, never unhandled.
 */
export function raceAbort<T>(promise: Promise<T>, signal: AbortSource | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise<T>((resolve, reject) => {
    let off = (): void => undefined;
    promise.then(
      (value) => {
        off();
        resolve(value);
      },
      (error: unknown) => {
        off();
        reject(error);
      },
    );
    // Last: when the signal cannot be listened to, this throws, and the promise is handled all the same.
    off = onAbort(signal, reject);
  });
}
