/** A point that code under test passes and that a test waits for or holds closed. Created closed. */
export interface Gate {
  /** Called by the code under test: resolves when the gate is open. */
  pass(): Promise<void>;
  /** Lets everybody who waits through, and everybody who comes later. */
  open(): void;
  /** Holds everybody who comes from now on. */
  close(): void;
  /** How many wait at the gate now. */
  waiting(): number;
  /** Resolves when `count` calls of `pass()` have been made since the gate was created. Default 1. */
  arrived(count?: number): Promise<void>;
}

export function createGate(): Gate {
  let isOpen = false;
  let arrivals = 0;
  let waiters: (() => void)[] = [];
  let watchers: { readonly count: number; readonly resolve: () => void }[] = [];

  return {
    pass() {
      arrivals += 1;
      const reached = watchers.filter((watcher) => watcher.count <= arrivals);
      watchers = watchers.filter((watcher) => watcher.count > arrivals);
      for (const watcher of reached) watcher.resolve();
      if (isOpen) return Promise.resolve();
      return new Promise((resolve) => void waiters.push(resolve));
    },
    open() {
      isOpen = true;
      const released = waiters;
      waiters = [];
      for (const release of released) release();
    },
    close() {
      isOpen = false;
    },
    waiting: () => waiters.length,
    arrived(count = 1) {
      if (arrivals >= count) return Promise.resolve();
      return new Promise((resolve) => void watchers.push({ count, resolve }));
    },
  };
}
