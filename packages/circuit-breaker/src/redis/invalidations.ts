import type { KeyNames } from './key-names.ts';
import type { Send } from './redis-client.ts';

/** So many keys are deleted by one command. */
const BATCH = 500;
const SCAN_COUNT = '1000';

export interface InvalidationsOptions {
  readonly names: KeyNames;
  readonly maxKeys: number;
  readonly send: Send;
  readonly onOverflow: () => void;
  readonly onDeleted: (keys: number) => void;
}

/**
 * Keys whose value on the server may be stale: they miss until they have been deleted there. When there are too many to
 * remember, all keys under the prefix miss until all have been deleted: nothing is forgotten.
 */
export class Invalidations {
  readonly #options: InvalidationsOptions;
  /** With a number that tells a key that was added again from the one whose deletion is on its way. */
  readonly #keys = new Map<string, number>();
  #serial = 0;
  #overflows = 0;
  #isOverflown = false;
  #isSweeping = false;
  #draining: Promise<void> | undefined;

  constructor(options: InvalidationsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#keys.size;
  }

  get isEmpty(): boolean {
    return !this.#isOverflown && this.#keys.size === 0;
  }

  mustMiss(key: string): boolean {
    return this.#isOverflown || this.#keys.has(key);
  }

  /** Grows with every key that is added. */
  get serial(): number {
    return this.#serial;
  }

  add(keys: readonly string[]): void {
    // A sweep that has not begun takes them along; one that runs may have passed them.
    if (this.#isOverflown && !this.#isSweeping) return;
    for (const key of keys) this.#keys.set(key, ++this.#serial);
    if (this.#keys.size <= this.#options.maxKeys) return;
    this.#keys.clear();
    this.#isOverflown = true;
    this.#overflows += 1;
    this.#options.onOverflow();
  }

  /** A value was written that is newer than what was added up to the serial `asOf`: there is nothing stale any more. */
  forget(keys: readonly string[], asOf: number): void {
    for (const key of keys) {
      if ((this.#keys.get(key) ?? Infinity) <= asOf) this.#keys.delete(key);
    }
  }

  /** Deletes what is to be deleted; gives up at the first failure, to be called again. */
  drain(): Promise<void> {
    if (this.isEmpty) return Promise.resolve();
    this.#draining ??= this.#drain()
      .catch(() => undefined)
      .finally(() => (this.#draining = undefined));
    return this.#draining;
  }

  async #drain(): Promise<void> {
    while (!this.isEmpty) {
      if (this.#isOverflown) await this.#sweep();
      else await this.#deleteBatch();
    }
  }

  async #deleteBatch(): Promise<void> {
    const batch = [...this.#keys].slice(0, BATCH);
    await this.#options.send('UNLINK', ...batch.map(([key]) => key));
    for (const [key, serial] of batch) {
      if (this.#keys.get(key) === serial) this.#keys.delete(key);
    }
    this.#options.onDeleted(batch.length);
  }

  /** SCAN returns every key that is there from its start to its end (redis.io, SCAN, "Scan guarantees"). */
  async #sweep(): Promise<void> {
    const { names, send, onDeleted } = this.#options;
    const overflows = this.#overflows;
    const pattern = `${names.prefix.replace(/[\\*?[\]]/g, '\\$&')}*`;
    let cursor = '0';
    this.#isSweeping = true;
    try {
      do {
        const reply = await send('SCAN', cursor, 'MATCH', pattern, 'COUNT', SCAN_COUNT);
        const [next, found] = reply as [string, string[]];
        const keys = found.filter((key) => !key.startsWith(names.ownPrefix));
        if (keys.length > 0) await send('UNLINK', ...keys);
        if (keys.length > 0) onDeleted(keys.length);
        cursor = next;
      } while (cursor !== '0');
      if (this.#overflows === overflows) this.#isOverflown = false;
    } finally {
      this.#isSweeping = false;
    }
  }
}
