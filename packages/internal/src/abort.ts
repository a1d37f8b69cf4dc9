/** The part of an `AbortSignal` that is needed to wait for it: a lighter stand-in will do. */
export interface AbortSource {
  readonly aborted: boolean;
  readonly reason: unknown;
  addEventListener(
    type: 'abort',
    listener: () => void,
    options?: { readonly once?: boolean },
  ): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

/** Throws `signal.reason` itself when `signal` is aborted. */
export function throwIfAborted(signal: AbortSource | undefined): void {
  if (signal?.aborted === true) throw signal.reason;
}

/**
 * Calls `listener` once when `signal` aborts, at once when it already has. Returns a function that removes the
 * listener: call it on every path, for a long-lived signal outlives many waits. Written by hand because
 * `AbortSignal.any` leaks (nodejs/node#54614).
 */
export function onAbort(
  signal: AbortSource | undefined,
  listener: (reason: unknown) => void,
): () => void {
  if (signal === undefined) return () => undefined;
  if (signal.aborted) {
    listener(signal.reason);
    return () => undefined;
  }
  const handle = (): void => listener(signal.reason);
  signal.addEventListener('abort', handle, { once: true });
  return () => signal.removeEventListener('abort', handle);
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
