import type { Clock } from '@holdfast/internal';
import type { Calls } from './calls.ts';
import type { Connection } from './connection.ts';
import type { Invalidations } from './invalidations.ts';
import type { LocalEntries } from './local-entries.ts';
import { judgeRedisError } from './redis-errors.ts';

export interface CacheReadsOptions {
  readonly calls: Calls;
  readonly connection: Connection;
  readonly invalidations: Invalidations;
  readonly local: LocalEntries | undefined;
  readonly onDown: 'miss' | 'local' | 'throw';
  readonly clock: Clock;
}

/** Reads of values, and what they give in the place of what cannot be read. Keys have their prefix already. */
export class CacheReads {
  readonly counters = { reads: 0, hits: 0, misses: 0, localHits: 0, failedReads: 0 };
  readonly #options: CacheReadsOptions;

  constructor(options: CacheReadsOptions) {
    this.#options = options;
  }

  async get(key: string): Promise<string | null> {
    const { connection } = this.#options;
    this.counters.reads += 1;
    if (this.#mustMiss(key)) return this.#instead(key);
    let value: unknown;
    try {
      value = await this.#options.calls.run(() => connection.send('GET', key));
    } catch (error) {
      this.#throwOr(error, 1);
      return this.#instead(key);
    }
    return this.#take(key, value);
  }

  async mget(keys: readonly string[]): Promise<(string | null)[]> {
    const { connection } = this.#options;
    this.counters.reads += keys.length;
    const asked = keys.filter((key) => !this.#mustMiss(key));
    let values = new Map<string, unknown>();
    if (asked.length > 0) {
      try {
        const reply = await this.#options.calls.run(() => connection.send('MGET', ...asked));
        values = new Map(asked.map((key, index) => [key, (reply as unknown[])[index]]));
      } catch (error) {
        this.#throwOr(error, keys.length);
      }
    }
    return keys.map((key) =>
      values.has(key) ? this.#take(key, values.get(key)) : this.#instead(key),
    );
  }

  /** Also when the key was added while its value was on its way: then the value may be the old one. */
  #take(key: string, value: unknown): string | null {
    if (this.#mustMiss(key)) return this.#instead(key);
    const { local, clock } = this.#options;
    if (typeof value !== 'string') {
      this.counters.misses += 1;
      local?.miss(key, clock.now());
      return null;
    }
    this.counters.hits += 1;
    local?.see(key, value, clock.now());
    return value;
  }

  #mustMiss(key: string): boolean {
    const { invalidations, connection } = this.#options;
    if (invalidations.isEmpty) return false;
    if (connection.isReady) void invalidations.drain();
    return invalidations.mustMiss(key);
  }

  #instead(key: string): string | null {
    const { onDown, local, clock } = this.#options;
    const value = onDown === 'local' ? local?.get(key, clock.now()) : undefined;
    this.counters[value === undefined ? 'misses' : 'localHits'] += 1;
    return value ?? null;
  }

  #throwOr(error: unknown, keys: number): void {
    if (this.#options.onDown !== 'throw' && judgeRedisError(error)?.verdict !== 'ignore') return;
    this.counters.failedReads += keys;
    throw error;
  }
}
