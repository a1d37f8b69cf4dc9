import { Fifo } from './fifo.ts';
import type { Zone } from './zone.ts';

type Priority = 0 | 1 | 2;

/**
 * The order in which a lane of a cycle starts its zones: those that the cycle before had deferred first, the others by
 * priority and then as they come. The others are held back while a deferred one may still come and there is room to wait.
 */
export class ZoneQueue<D> {
  /** Whether the others have to wait: the same for all lanes of the cycle. */
  readonly #isHoldingBack: () => boolean;
  readonly #first = new Fifo<Zone<D>>();
  readonly #others: Readonly<Record<Priority, Fifo<Zone<D>>>> = {
    0: new Fifo(),
    1: new Fifo(),
    2: new Fifo(),
  };
  #size = 0;

  constructor(isHoldingBack: () => boolean) {
    this.#isHoldingBack = isHoldingBack;
  }

  get size(): number {
    return this.#size;
  }

  get hasNext(): boolean {
    return this.#first.size > 0 || (this.#size > 0 && !this.#isHoldingBack());
  }

  pushFirst(zone: Zone<D>): void {
    this.#size += 1;
    this.#first.push(zone);
  }

  push(zone: Zone<D>): void {
    this.#size += 1;
    this.#others[zone.priority ?? 1].push(zone);
  }

  take(): Zone<D> | undefined {
    const fifo = this.#next();
    if (fifo === undefined) return undefined;
    this.#size -= 1;
    return fifo.take();
  }

  /** Empties the queue, also of what is held back. */
  takeAll(): Zone<D>[] {
    const all: Zone<D>[] = [];
    for (const fifo of [this.#first, this.#others[0], this.#others[1], this.#others[2]]) {
      for (let zone = fifo.take(); zone !== undefined; zone = fifo.take()) all.push(zone);
    }
    this.#size = 0;
    return all;
  }

  #next(): Fifo<Zone<D>> | undefined {
    if (this.#first.size > 0) return this.#first;
    if (this.#isHoldingBack()) return undefined;
    if (this.#others[0].size > 0) return this.#others[0];
    if (this.#others[1].size > 0) return this.#others[1];
    return this.#others[2].size > 0 ? this.#others[2] : undefined;
  }
}
