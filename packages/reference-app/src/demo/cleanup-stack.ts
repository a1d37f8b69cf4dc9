export interface CleanupStack {
  /** Adds what is to be done at the end; the last added is done first. */
  add(cleanup: () => Promise<unknown>): void;
  /** Does all of it, also when one part fails; the failures are told to `onError`. */
  run(onError: (error: unknown) => void): Promise<void>;
}

/** What `AsyncDisposableStack` does, which Node 20 has not got. */
export function createCleanupStack(): CleanupStack {
  const cleanups: (() => Promise<unknown>)[] = [];
  return {
    add: (cleanup) => {
      cleanups.push(cleanup);
    },
    async run(onError) {
      for (let cleanup = cleanups.pop(); cleanup !== undefined; cleanup = cleanups.pop()) {
        try {
          await cleanup();
        } catch (error) {
          onError(error);
        }
      }
    },
  };
}
