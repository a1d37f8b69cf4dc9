import { LinkedList } from './linked-list.ts';
import type { MemoryItem } from './memory-item.ts';

interface Lane {
  /** Items that are ready, delayed or leased. */
  active: number;
  readonly waiting: LinkedList<MemoryItem>;
  /** `paused` by somebody, or halted by the dead item with this id. */
  stop: { readonly kind: 'paused' } | { readonly kind: 'halted'; readonly id: string } | undefined;
}

/** Which items of a key may be active, and which wait behind them in the order of their arrival. */
export class KeyLanes {
  readonly #lanes = new Map<string, Lane>();
  readonly #concurrency: number;
  #waiting = 0;

  constructor(concurrency: number) {
    this.#concurrency = concurrency;
  }

  get waiting(): number {
    return this.#waiting;
  }

  get stopped(): string[] {
    return [...this.#lanes].flatMap(([key, { stop }]) => (stop === undefined ? [] : [key]));
  }

  isStopped(key: string | undefined): boolean {
    return key !== undefined && this.#lanes.get(key)?.stop !== undefined;
  }

  haltedBy(key: string): string | undefined {
    const stop = this.#lanes.get(key)?.stop;
    return stop?.kind === 'halted' ? stop.id : undefined;
  }

  /** True: the item is active from now on. False: it waits. */
  enter(item: MemoryItem): boolean {
    if (item.key === undefined) return true;
    const lane = this.#laneOf(item.key);
    if (lane.stop === undefined && lane.active < this.#concurrency && lane.waiting.length === 0) {
      lane.active += 1;
      return true;
    }
    this.#wait(lane, item);
    return lane.waiting.first === item && this.#admit(lane) === item;
  }

  /** An active item goes back to where it waits. */
  retreat(item: MemoryItem): void {
    if (item.key === undefined) return;
    const lane = this.#laneOf(item.key);
    lane.active -= 1;
    this.#wait(lane, item);
  }

  /** An active item is done; gives the one that is active in its stead. */
  leave(key: string | undefined): MemoryItem | undefined {
    if (key === undefined) return undefined;
    const lane = this.#laneOf(key);
    lane.active -= 1;
    const next = this.#admit(lane);
    this.#forgetIfIdle(key, lane);
    return next;
  }

  stop(key: string, stop: NonNullable<Lane['stop']>): void {
    this.#laneOf(key).stop = stop;
  }

  /** Gives those that are active now. */
  resume(key: string): MemoryItem[] {
    const lane = this.#laneOf(key);
    lane.stop = undefined;
    const admitted: MemoryItem[] = [];
    for (let next = this.#admit(lane); next !== undefined; next = this.#admit(lane)) {
      admitted.push(next);
    }
    this.#forgetIfIdle(key, lane);
    return admitted;
  }

  #wait(lane: Lane, item: MemoryItem): void {
    lane.waiting.insertSorted(item.link, (other) => other.order < item.order);
    this.#waiting += 1;
  }

  #admit(lane: Lane): MemoryItem | undefined {
    const next = lane.waiting.first;
    if (next === undefined || lane.stop !== undefined) return undefined;
    if (lane.active >= this.#concurrency) return undefined;
    lane.waiting.remove(next.link);
    this.#waiting -= 1;
    lane.active += 1;
    return next;
  }

  #laneOf(key: string): Lane {
    const known = this.#lanes.get(key);
    if (known !== undefined) return known;
    const lane: Lane = { active: 0, waiting: new LinkedList(), stop: undefined };
    this.#lanes.set(key, lane);
    return lane;
  }

  #forgetIfIdle(key: string, lane: Lane): void {
    if (lane.active === 0 && lane.waiting.length === 0 && lane.stop === undefined) {
      this.#lanes.delete(key);
    }
  }
}
