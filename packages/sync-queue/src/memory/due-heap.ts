/** Something that is due at a time; it may be due later, or no longer, when its entry comes up. */
export interface Due {
  /** Undefined: it waits for no time. */
  dueAtMs: number | undefined;
}

interface Entry<T> {
  readonly atMs: number;
  readonly order: number;
  readonly value: T;
}

/**
 * A binary heap of what is due, the earliest first and equals in the order of their entry. An entry that is not true any
 * more, because its value is due at another time, is dropped when it comes up, or when such entries are the most.
 */
export class DueHeap<T extends Due> {
  #entries: Entry<T>[] = [];
  #order = 0;
  #live = 0;

  /** How many values are due. */
  get size(): number {
    return this.#live;
  }

  set(value: T, atMs: number): void {
    if (value.dueAtMs === undefined) this.#live += 1;
    value.dueAtMs = atMs;
    this.#order += 1;
    this.#entries.push({ atMs, order: this.#order, value });
    this.#rise(this.#entries.length - 1);
    if (this.#entries.length > 64 && this.#entries.length > 2 * this.#live) this.#rebuild();
  }

  delete(value: T): void {
    if (value.dueAtMs === undefined) return;
    value.dueAtMs = undefined;
    this.#live -= 1;
  }

  /** When the first is due. */
  firstAtMs(): number | undefined {
    this.#dropStale();
    return this.#entries[0]?.atMs;
  }

  /** Takes out the first one that is due by `nowMs`. */
  takeDue(nowMs: number): T | undefined {
    this.#dropStale();
    const first = this.#entries[0];
    if (first === undefined || first.atMs > nowMs) return undefined;
    this.#removeFirst();
    this.delete(first.value);
    return first.value;
  }

  #dropStale(): void {
    for (let first = this.#entries[0]; first !== undefined; first = this.#entries[0]) {
      if (first.value.dueAtMs === first.atMs) return;
      this.#removeFirst();
    }
  }

  #rebuild(): void {
    const known = new Set<T>();
    const live = this.#entries.filter(({ atMs, value }) => {
      if (value.dueAtMs !== atMs || known.has(value)) return false;
      known.add(value);
      return true;
    });
    // A sorted array is a heap.
    this.#entries = live.sort(byTime);
  }

  #removeFirst(): void {
    const last = this.#entries.pop();
    if (last === undefined || this.#entries.length === 0) return;
    this.#entries[0] = last;
    this.#sink(0);
  }

  #rise(from: number): void {
    for (let index = from; index > 0;) {
      const parent = (index - 1) >> 1;
      if (!this.#isBefore(index, parent)) return;
      this.#swap(parent, index);
      index = parent;
    }
  }

  #sink(from: number): void {
    for (let index = from; ;) {
      const [left, right] = [2 * index + 1, 2 * index + 2];
      let first = index;
      if (this.#isBefore(left, first)) first = left;
      if (this.#isBefore(right, first)) first = right;
      if (first === index) return;
      this.#swap(first, index);
      index = first;
    }
  }

  /** False for a place beyond the end. */
  #isBefore(index: number, other: number): boolean {
    const [a, b] = [this.#entries[index], this.#entries[other]];
    return a !== undefined && b !== undefined && byTime(a, b) < 0;
  }

  #swap(index: number, other: number): void {
    const [a, b] = [this.#entries[index], this.#entries[other]];
    if (a === undefined || b === undefined) return;
    this.#entries[index] = b;
    this.#entries[other] = a;
  }
}

function byTime(a: Entry<unknown>, b: Entry<unknown>): number {
  return a.atMs - b.atMs || a.order - b.order;
}
