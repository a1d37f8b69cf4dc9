import type { Zone } from './zone.ts';

/**
 * The order in which a cycle starts its zones: those that the cycle before had deferred first, the others as they
 * come. The others are held back while a deferred one may still come: until each has been given, or `release()`.
 */
export class ZoneQueue<D> {
  readonly #awaited: Set<string>;
  readonly #first: Fifo<Zone<D>> = { items: [], head: 0 };
  readonly #others: Fifo<Zone<D>> = { items: [], head: 0 };

  constructor(deferredBefore: ReadonlySet<string>) {
    this.#awaited = new Set(deferredBefore);
  }

  push(zone: Zone<D>): void {
    (this.#awaited.delete(zone.id) ? this.#first : this.#others).items.push(zone);
  }

  /** The zone will not come into the queue. */
  forget(zoneId: string): void {
    this.#awaited.delete(zoneId);
  }

  /** No further zone comes: holds nothing back any more. Returns the deferred ones that were not given. */
  release(): string[] {
    const missing = [...this.#awaited];
    this.#awaited.clear();
    return missing;
  }

  get hasNext(): boolean {
    return !isEmpty(this.#first) || (this.#awaited.size === 0 && !isEmpty(this.#others));
  }

  take(): Zone<D> | undefined {
    if (!isEmpty(this.#first)) return takeFrom(this.#first);
    return this.#awaited.size === 0 ? takeFrom(this.#others) : undefined;
  }

  /** Empties the queue, also of what is held back. */
  takeAll(): Zone<D>[] {
    const all = [...remaining(this.#first), ...remaining(this.#others)];
    for (const fifo of [this.#first, this.#others]) Object.assign(fifo, { items: [], head: 0 });
    return all;
  }
}

/** `Array.shift` moves every item of a long array; a head index does not. */
interface Fifo<T> {
  items: T[];
  head: number;
}

function isEmpty(fifo: Fifo<unknown>): boolean {
  return fifo.head >= fifo.items.length;
}

function takeFrom<T>(fifo: Fifo<T>): T | undefined {
  const item = fifo.items[fifo.head];
  fifo.head += 1;
  if (fifo.head >= fifo.items.length) Object.assign(fifo, { items: [], head: 0 });
  return item;
}

function remaining<T>(fifo: Fifo<T>): T[] {
  return fifo.items.slice(fifo.head);
}
