export interface HeapTimer {
  readonly dueMs: number;
  /** Between timers that are due together. */
  readonly order: number;
  isCancelled: boolean;
}

/** A binary heap of timers, the earliest first; a cancelled one goes when it comes up. */
export class TimerHeap<T extends HeapTimer> {
  readonly #timers: T[] = [];

  push(timer: T): void {
    const timers = this.#timers;
    let index = timers.push(timer) - 1;
    for (;;) {
      const above = (index - 1) >> 1;
      const parent = timers[above];
      if (index === 0 || parent === undefined || isBefore(parent, timer)) break;
      timers[index] = parent;
      index = above;
    }
    timers[index] = timer;
  }

  /** The earliest one, which stays. */
  first(): T | undefined {
    while (this.#timers[0]?.isCancelled === true) this.shift();
    return this.#timers[0];
  }

  shift(): void {
    const timers = this.#timers;
    const last = timers.pop();
    if (last === undefined || timers.length === 0) return;
    let index = 0;
    for (;;) {
      const left = timers[2 * index + 1];
      const right = timers[2 * index + 2];
      if (left === undefined) break;
      const isRight = right !== undefined && isBefore(right, left);
      const child = isRight ? right : left;
      if (isBefore(last, child)) break;
      timers[index] = child;
      index = 2 * index + (isRight ? 2 : 1);
    }
    timers[index] = last;
  }
}

function isBefore(one: HeapTimer, other: HeapTimer): boolean {
  return one.dueMs < other.dueMs || (one.dueMs === other.dueMs && one.order < other.order);
}
