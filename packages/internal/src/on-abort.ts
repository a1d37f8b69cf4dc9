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
  // A unique wrapper, so that one of two equal listeners can be removed.
  const handle = (): void => listener(signal.reason);
  return signal instanceof AbortSignal ? share(signal, handle) : add(signal, handle);
}

function add(signal: AbortSource, handle: () => void): () => void {
  signal.addEventListener('abort', handle, { once: true });
  return () => signal.removeEventListener('abort', handle);
}

interface Shared {
  readonly handles: Set<() => void>;
  readonly off: () => void;
}

/** What waits on a signal that has not aborted. */
const SHARED = new WeakMap<AbortSignal, Shared>();

/**
 * All that waits on a signal has one listener together: a program may well give one signal to many calls at a time, and
 * Node.js takes more than ten listeners for a leak of the program's (MaxListenersExceededWarning).
 */
function share(signal: AbortSignal, handle: () => void): () => void {
  let shared = SHARED.get(signal);
  if (shared === undefined) {
    const handles = new Set<() => void>();
    const off = add(signal, () => {
      // It is called once: whoever comes from now on needs another one.
      SHARED.delete(signal);
      callAll(handles);
    });
    shared = { handles, off };
    SHARED.set(signal, shared);
  }
  const { handles, off } = shared;
  handles.add(handle);
  return () => {
    if (!handles.delete(handle) || handles.size > 0) return;
    off();
    if (SHARED.get(signal)?.handles === handles) SHARED.delete(signal);
  };
}

/** As an `EventTarget` does it: one that throws is an uncaught exception, and keeps nothing from the others. */
function callAll(handles: ReadonlySet<() => void>): void {
  for (const handle of handles) {
    try {
      handle();
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
  }
}
