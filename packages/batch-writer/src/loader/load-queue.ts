import type { Clock, Timer } from '@holdfast/internal';
import type { Flight } from './flight.ts';

export interface LoadQueueContext<K, V> {
  readonly maxBatch: number;
  readonly lingerMs: number;
  readonly concurrency: number;
  readonly maxPending: number;
  readonly clock: Clock;
  /** Resolves when the load has ended, whatever has become of it. */
  readonly run: (flights: readonly Flight<K, V>[]) => Promise<void>;
}

/** Keys that wait for a load. One starts when it is full or its first key has lingered, and fewer than `concurrency` run. */
export class LoadQueue<K, V> {
  readonly #context: LoadQueueContext<K, V>;
  readonly #waiting = new Set<Flight<K, V>>();
  readonly #running = new Set<Promise<void>>();
  #linger: Timer | undefined;
  /** What waits has lingered, and waits for room only. */
  #isDue = false;

  constructor(context: LoadQueueContext<K, V>) {
    this.#context = context;
  }

  get size(): number {
    return this.#waiting.size;
  }

  get running(): number {
    return this.#running.size;
  }

  get hasRoom(): boolean {
    return this.#waiting.size < this.#context.maxPending;
  }

  add(flight: Flight<K, V>): void {
    this.#waiting.add(flight);
    this.#startLoads();
  }

  remove(flight: Flight<K, V>): void {
    this.#waiting.delete(flight);
    if (this.#waiting.size === 0) this.#stopLingering();
  }

  /** Resolves when no load runs. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  #startLoads(): void {
    const { maxBatch, concurrency } = this.#context;
    while (this.#waiting.size >= (this.#isDue ? 1 : maxBatch)) {
      if (this.#running.size >= concurrency) break;
      this.#start(this.#take(maxBatch));
    }
    if (this.#waiting.size === 0) this.#stopLingering();
    else if (!this.#isDue) this.#startLingering();
  }

  #start(flights: readonly Flight<K, V>[]): void {
    // A later turn: what is called may ask for keys again, and must find this load counted.
    const ended: Promise<void> = Promise.resolve()
      .then(() => this.#context.run(flights))
      .finally(() => {
        this.#running.delete(ended);
        this.#startLoads();
      });
    this.#running.add(ended);
  }

  #take(count: number): Flight<K, V>[] {
    const taken: Flight<K, V>[] = [];
    for (const flight of this.#waiting) {
      if (taken.length === count) break;
      this.#waiting.delete(flight);
      taken.push(flight);
    }
    return taken;
  }

  #startLingering(): void {
    this.#linger ??= this.#context.clock.setTimer(() => {
      this.#linger = undefined;
      this.#isDue = true;
      this.#startLoads();
    }, this.#context.lingerMs);
  }

  #stopLingering(): void {
    this.#linger?.cancel();
    this.#linger = undefined;
    this.#isDue = false;
  }
}
