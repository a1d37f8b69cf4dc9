export interface QueuedEvent {
  readonly dueMs: number;
  readonly serial: number;
  readonly fire: () => void;
  isCancelled: boolean;
}

/** Events by their time, those of one instant in the order in which they were added: a binary heap. */
export class EventQueue {
  readonly #heap: QueuedEvent[] = [];
  #serial = 0;

  add(dueMs: number, fire: () => void): QueuedEvent {
    this.#serial += 1;
    const event: QueuedEvent = { dueMs, serial: this.#serial, fire, isCancelled: false };
    const heap = this.#heap;
    let at = heap.push(event) - 1;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = heap[above];
      if (parent === undefined || isBefore(parent, event)) break;
      heap[at] = parent;
      at = above;
    }
    heap[at] = event;
    return event;
  }

  /** The earliest one that is not cancelled; it stays. */
  first(): QueuedEvent | undefined {
    while (this.#heap[0]?.isCancelled === true) this.take();
    return this.#heap[0];
  }

  take(): QueuedEvent | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return first;
    let at = 0;
    for (;;) {
      const left = heap[2 * at + 1];
      const right = heap[2 * at + 2];
      if (left === undefined) break;
      const isRight = right !== undefined && isBefore(right, left);
      const child = isRight ? right : left;
      if (isBefore(last, child)) break;
      heap[at] = child;
      at = 2 * at + (isRight ? 2 : 1);
    }
    heap[at] = last;
    return first;
  }
}

function isBefore(one: QueuedEvent, other: QueuedEvent): boolean {
  return one.dueMs < other.dueMs || (one.dueMs === other.dueMs && one.serial < other.serial);
}
