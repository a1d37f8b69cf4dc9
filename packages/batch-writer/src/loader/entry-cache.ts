import type { CacheKey } from './batch-loader.ts';
import type { Freshness } from './freshness.ts';
import { UseOrder, type Used } from './use-order.ts';

export interface Entry<V> extends Used, Freshness {
  readonly id: CacheKey;
  /** Undefined: the key is known to be absent. */
  readonly value: V | undefined;
  /** Since it stands where it stands. */
  isUsed: boolean;
  /** The count of moves at which it became the newest one. */
  movedAt: number;
}

/**
 * Values and absent keys, bounded: the least recently used goes, and absent keys take their share at most. A use only marks an
 * entry; the mark is looked at when room is needed, and gives the entry a second chance (F. J. Corbató, 1968: CLOCK), for a
 * hit must cost next to nothing.
 */
export class EntryCache<V> {
  readonly #maxEntries: number;
  readonly #maxAbsent: number;
  #entries = new Map<CacheKey, Entry<V>>();
  #known = new UseOrder<Entry<V>>();
  #absent = new UseOrder<Entry<V>>();
  #evictions = 0;
  #moves = 0;

  constructor(maxEntries: number, maxNegativeShare: number) {
    this.#maxEntries = maxEntries;
    // A small cache remembers one, if any.
    this.#maxAbsent =
      maxNegativeShare === 0 ? 0 : Math.max(1, Math.floor(maxEntries * maxNegativeShare));
  }

  get size(): number {
    return this.#entries.size;
  }

  get absentSize(): number {
    return this.#absent.size;
  }

  get evictions(): number {
    return this.#evictions;
  }

  find(id: CacheKey): Entry<V> | undefined {
    return this.#entries.get(id);
  }

  use(entry: Entry<V>): void {
    entry.isUsed = true;
  }

  set(id: CacheKey, value: V | undefined, freshness: Freshness): void {
    this.delete(id);
    if (value === undefined && this.#maxAbsent === 0) return;
    // Before it is in: it is the newest, and not used yet.
    this.#makeRoom(value === undefined);
    this.#moves += 1;
    const { freshUntilMs, staleUntilMs, onErrorUntilMs } = freshness;
    // Written out: all entries have one shape, which `peek` is fast by.
    const entry: Entry<V> = {
      id,
      value,
      freshUntilMs,
      staleUntilMs,
      onErrorUntilMs,
      isUsed: false,
      movedAt: this.#moves,
      older: undefined,
      newer: undefined,
    };
    this.#entries.set(id, entry);
    this.#orderOf(entry).add(entry);
  }

  delete(id: CacheKey): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    this.#entries.delete(id);
    this.#orderOf(entry).remove(entry);
  }

  clear(): void {
    this.#entries = new Map();
    this.#known = new UseOrder();
    this.#absent = new UseOrder();
  }

  #makeRoom(isAbsent: boolean): void {
    const victim = this.#surplus(isAbsent);
    if (victim === undefined) return;
    this.delete(victim.id);
    this.#evictions += 1;
  }

  /** What has to go for one more. */
  #surplus(isAbsent: boolean): Entry<V> | undefined {
    if (isAbsent && this.#absent.size >= this.#maxAbsent) return this.#leastUsed(this.#absent);
    if (this.#entries.size < this.#maxEntries) return undefined;
    const absent = this.#leastUsed(this.#absent);
    const known = this.#leastUsed(this.#known);
    if (absent === undefined || known === undefined) return absent ?? known;
    return absent.movedAt < known.movedAt ? absent : known;
  }

  #leastUsed(order: UseOrder<Entry<V>>): Entry<V> | undefined {
    for (;;) {
      const { oldest } = order;
      if (oldest?.isUsed !== true) return oldest;
      oldest.isUsed = false;
      this.#moves += 1;
      oldest.movedAt = this.#moves;
      order.use(oldest);
    }
  }

  #orderOf({ value }: Entry<V>): UseOrder<Entry<V>> {
    return value === undefined ? this.#absent : this.#known;
  }
}
