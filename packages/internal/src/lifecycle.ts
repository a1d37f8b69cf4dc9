/**
 * The states of something that runs:
 *
 * - `idle`      entered at creation, and when the starting work has failed; left by `start()` to `running`, or by `close()`:
 *               straight to `closed` when nothing was ever started
 * - `running`   entered when `start()` is called, before its work has settled; left by `close()`, or when that work fails
 * - `closing`   entered when `close()` is called; further calls of `close()` share its promise, `start()` rejects
 * - `closed`    entered when the closing work has settled; final
 */
export type LifecycleState = 'idle' | 'running' | 'closing' | 'closed';

export interface Lifecycle {
  readonly state: LifecycleState;
  /**
   * Runs the starting work once; every call returns the same promise. When that has failed, the next call runs it again.
   * Rejects once `close()` has been called.
   */
  start(): Promise<void>;
  /** Waits for the starting work, then runs the closing work once; every call returns the same promise. */
  close(): Promise<void>;
}

/**
 * Makes `start` and `close` safe to be called twice, together and in any order. `close` runs only when the starting
 * work has settled, also when that has failed; it does not run when nothing was ever started.
 */
export function createLifecycle(work: {
  readonly start: () => void | Promise<void>;
  readonly close: () => void | Promise<void>;
  /** What `start()` rejects with after `close()`. */
  readonly closedError: () => Error;
}): Lifecycle {
  let state: LifecycleState = 'idle';
  let started: Promise<void> | undefined;
  let closed: Promise<void> | undefined;

  const startNow = async (): Promise<void> => {
    try {
      await work.start();
    } catch (error) {
      if (state === 'running') state = 'idle';
      throw error;
    }
  };

  const closeNow = async (): Promise<void> => {
    if (started === undefined) {
      state = 'closed';
      return;
    }
    state = 'closing';
    try {
      // Whoever called start() has seen its failure; closing must still release what it had acquired.
      await started.catch(() => undefined);
      await work.close();
    } finally {
      state = 'closed';
    }
  };

  return {
    get state() {
      return state;
    },
    start() {
      if (started !== undefined && state === 'running') return started;
      if (state !== 'idle') return Promise.reject(work.closedError());
      state = 'running';
      started = startNow();
      return started;
    },
    close() {
      closed ??= closeNow();
      return closed;
    },
  };
}
