const LEAST_SLOTS = 16;

/** First in, first out, in a ring that grows: nothing is moved, nor made, for an item. */
export class Fifo<T> {
  /** As many as a power of two. */
  #slots: (T | undefined)[] = emptySlots(LEAST_SLOTS);
  #head = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  push(item: T): void {
    if (this.#size === this.#slots.length) this.#grow();
    this.#slots[(this.#head + this.#size) & (this.#slots.length - 1)] = item;
    this.#size += 1;
  }

  take(): T | undefined {
    if (this.#size === 0) return undefined;
    const item = this.#slots[this.#head];
    this.#slots[this.#head] = undefined;
    this.#head = (this.#head + 1) & (this.#slots.length - 1);
    this.#size -= 1;
    return item;
  }

  #grow(): void {
    const slots = this.#slots;
    this.#slots = [
      ...slots.slice(this.#head),
      ...slots.slice(0, this.#head),
      ...emptySlots<T>(slots.length),
    ];
    this.#head = 0;
  }
}

function emptySlots<T>(count: number): (T | undefined)[] {
  return Array<T | undefined>(count).fill(undefined);
}
