import type { Zone } from './zone.ts';

type Priority = 0 | 1 | 2;

/**
 * The order in which a lane of a cycle starts its zones: those that the cycle before had deferred first, the others by
 * priority and then as they come. The others are held back while a deferred one may still come and there is room to wait.
 */
export class ZoneQueue<D> {
  /** Whether the others have to wait: the same for all lanes of the cycle. */
  readonly #isHoldingBack: () => boolean;
  readonly #first: Fifo<Zone<D>> = { items: [], head: 0 };
  readonly #others: Readonly<Record<Priority, Fifo<Zone<D>>>> = {
    0: { items: [], head: 0 },
    1: { items: [], head: 0 },
    2: { items: [], head: 0 },
  };
  #size = 0;

  constructor(isHoldingBack: () => boolean) {
    this.#isHoldingBack = isHoldingBack;
  }

  get size(): number {
    return this.#size;
  }

  get hasNext(): boolean {
    return !isEmpty(this.#first) || (this.#size > 0 && !this.#isHoldingBack());
  }

  pushFirst(zone: Zone<D>): void {
    this.#size += 1;
    this.#first.items.push(zone);
  }

  push(zone: Zone<D>): void {
    this.#size += 1;
    this.#others[zone.priority ?? 1].items.push(zone);
  }

  take(): Zone<D> | undefined {
    const fifo = this.#next();
    if (fifo === undefined) return undefined;
    this.#size -= 1;
    return takeFrom(fifo);
  }

  /** Empties the queue, also of what is held back. */
  takeAll(): Zone<D>[] {
    const fifos = [this.#first, this.#others[0], this.#others[1], this.#others[2]];
    const all = fifos.flatMap(({ items, head }) => items.slice(head));
    for (const fifo of fifos) Object.assign(fifo, { items: [], head: 0 });
    this.#size = 0;
    return all;
  }

  #next(): Fifo<Zone<D>> | undefined {
    if (!isEmpty(this.#first)) return this.#first;
    if (this.#isHoldingBack()) return undefined;
    if (!isEmpty(this.#others[0])) return this.#others[0];
    if (!isEmpty(this.#others[1])) return this.#others[1];
    return isEmpty(this.#others[2]) ? undefined : this.#others[2];
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
