export interface QueuedEvent {
  readonly dueMs: number;
  readonly fire: () => void;
  isCancelled: boolean;
}

/** Events by their time, equal ones in the order in which they were added: a binary heap. */
export class EventQueue {
  readonly #heap: { readonly event: QueuedEvent; readonly serial: number }[] = [];
  #serial = 0;

  get nextMs(): number | undefined {
    return this.#heap[0]?.event.dueMs;
  }

  add(dueMs: number, fire: () => void): QueuedEvent {
    const event: QueuedEvent = { dueMs, fire, isCancelled: false };
    const heap = this.#heap;
    let at = heap.push({ event, serial: (this.#serial += 1) }) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#isBefore(at, parent)) break;
      this.#swap(at, parent);
      at = parent;
    }
    return event;
  }

  take(): QueuedEvent | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first?.event;
    heap[0] = last;
    for (let at = 0; ;) {
      const [left, right] = [2 * at + 1, 2 * at + 2];
      let least = at;
      if (left < heap.length && this.#isBefore(left, least)) least = left;
      if (right < heap.length && this.#isBefore(right, least)) least = right;
      if (least === at) return first.event;
      this.#swap(at, least);
      at = least;
    }
  }

  #isBefore(a: number, b: number): boolean {
    const [one, other] = [this.#heap[a], this.#heap[b]];
    if (one === undefined || other === undefined) return false;
    if (one.event.dueMs !== other.event.dueMs) return one.event.dueMs < other.event.dueMs;
    return one.serial < other.serial;
  }

  #swap(a: number, b: number): void {
    const [one, other] = [this.#heap[a], this.#heap[b]];
    if (one === undefined || other === undefined) return;
    this.#heap[a] = other;
    this.#heap[b] = one;
  }
}
