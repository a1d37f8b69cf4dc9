import type { Priority } from '../store.ts';
import { LinkedList } from './linked-list.ts';
import type { MemoryItem } from './memory-item.ts';

export type IsPaused = (priority: Priority) => boolean;

/** What is ready, one list a priority, and which of it is the next. */
export class ReadyLists {
  readonly #lists = [
    ...([newList(), newList(), newList(), newList()] as const),
    ...([newList(), newList(), newList(), newList()] as const),
  ] as const;

  get sizes(): number[] {
    return this.#lists.map(({ length }) => length);
  }

  get size(): number {
    return this.#lists.reduce((sum, list) => sum + list.length, 0);
  }

  pushBack(item: MemoryItem): void {
    this.#listOf(item).pushBack(item.link);
  }

  pushFront(item: MemoryItem): void {
    this.#listOf(item).pushFront(item.link);
  }

  remove(item: MemoryItem): void {
    this.#listOf(item).remove(item.link);
  }

  /**
   * Takes the item whose ready time plus priority × agingMs is the earliest, of equals the most urgent: earliest deadline
   * first (C. Liu and J. Layland, "Scheduling Algorithms for Multiprogramming in a Hard-Real-Time Environment", 1973).
   */
  takeNext(agingMs: number, isPaused: IsPaused): MemoryItem | undefined {
    let next: MemoryItem | undefined;
    let nextDeadlineMs = Infinity;
    for (const list of this.#lists) {
      const head = list.first;
      if (head === undefined || isPaused(head.priority)) continue;
      const deadlineMs =
        head.priority === 0 ? head.readyAtMs : head.readyAtMs + head.priority * agingMs;
      if (next === undefined || deadlineMs < nextDeadlineMs) {
        next = head;
        nextDeadlineMs = deadlineMs;
      }
    }
    if (next !== undefined) this.remove(next);
    return next;
  }

  /** When the one that has been ready for longest became so; each list is looked at by its head. */
  oldestReadyAtMs(): number | undefined {
    const heads = this.#lists.flatMap(({ first }) =>
      first === undefined ? [] : [first.readyAtMs],
    );
    return heads.length === 0 ? undefined : Math.min(...heads);
  }

  /** What is less urgent than `priority`, the least urgent first, of one priority the oldest or the newest first. */
  *lessUrgentThan(priority: Priority, first: 'oldest' | 'newest'): Generator<MemoryItem> {
    for (const list of this.#lists.slice(priority + 1).reverse()) {
      yield* first === 'oldest' ? list.fromFront() : list.fromBack();
    }
  }

  #listOf({ priority }: MemoryItem): LinkedList<MemoryItem> {
    return this.#lists[priority];
  }
}

function newList(): LinkedList<MemoryItem> {
  return new LinkedList();
}
