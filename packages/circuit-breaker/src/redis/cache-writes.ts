import type { Clock } from '@holdfast/internal';
import type { Calls } from './calls.ts';
import type { Connection } from './connection.ts';
import type { WriteOutcome } from './contract.ts';
import type { FencedWrites } from './fenced-writes.ts';
import { RedisWriteUnknownError } from './guard-errors.ts';
import type { Invalidations } from './invalidations.ts';
import type { LocalEntries } from './local-entries.ts';
import { judgeRedisError } from './redis-errors.ts';
import { writeFailure } from './write-failure.ts';

export interface CacheWritesOptions {
  readonly name: string;
  readonly calls: Calls;
  readonly connection: Connection;
  readonly fenced: FencedWrites;
  readonly invalidations: Invalidations;
  readonly local: LocalEntries | undefined;
  readonly clock: Clock;
  readonly writes: 'drop' | 'invalidate-later' | 'throw';
  readonly onUnknown: (keys: readonly string[]) => void;
}

type Args = readonly (string | number)[];

/** Writes, and what is done about those that are not known to have been applied. Keys have their prefix already. */
export class CacheWrites {
  readonly counters = { writes: 0, applied: 0, notApplied: 0, unknown: 0 };
  readonly #options: CacheWritesOptions;

  constructor(options: CacheWritesOptions) {
    this.#options = options;
  }

  /** Kept in this process only when it was applied: otherwise Redis may never have had it. */
  async set(key: string, value: string, ttlMs: number | undefined): Promise<WriteOutcome> {
    const { local, invalidations, clock } = this.#options;
    // From before it was sent, so that it ends here no later than there.
    const sentMs = clock.now();
    local?.delete(key);
    let outcome: WriteOutcome | undefined;
    try {
      outcome = await this.#change('SET', [key], argsOfSet(value, ttlMs));
      return outcome;
    } finally {
      // After it, what reads that were sent before have seen is old. So is this value when a later change has failed.
      const isNewest = outcome === 'applied' && !invalidations.mustMiss(key);
      if (isNewest) local?.set(key, value, sentMs, ttlMs);
      else local?.delete(key);
    }
  }

  /** As `set`, for what its source has just given: kept in this process whatever becomes of the write. Never rejects. */
  async setLoaded(key: string, value: string, ttlMs: number): Promise<void> {
    const { local, clock } = this.#options;
    local?.set(key, value, clock.now(), ttlMs);
    await this.#change('SET', [key], argsOfSet(value, ttlMs)).catch(() => undefined);
  }

  async del(keys: readonly string[]): Promise<WriteOutcome> {
    const forget = (): void => {
      for (const key of keys) this.#options.local?.delete(key);
    };
    forget();
    // Again, because of what reads that were sent before have seen.
    return this.#change('DEL', keys, []).finally(forget);
  }

  /** A write of values, whose failure is dealt with as `writes` says. */
  async #change(command: string, keys: readonly string[], args: Args): Promise<WriteOutcome> {
    const { writes, connection, invalidations } = this.#options;
    const { serial } = invalidations;
    try {
      await this.write(command, keys, args);
      invalidations.forget(keys, serial);
      return 'applied';
    } catch (error) {
      if (writes === 'throw' || judgeRedisError(error)?.verdict === 'ignore') throw error;
      if (writes === 'invalidate-later') {
        invalidations.add(keys);
        if (connection.isReady) void invalidations.drain();
      }
      return error instanceof RedisWriteUnknownError ? 'unknown' : 'not-applied';
    }
  }

  /** @throws whatever the reason is, unless the write was applied. */
  async write(command: string, keys: readonly string[], args: Args): Promise<number> {
    const { name, calls, fenced, onUnknown } = this.#options;
    let isSent = false;
    const onSent = (): void => void (isSent = true);
    this.counters.writes += 1;
    try {
      const result = await calls.run((context) =>
        fenced.write({ command, keys, args, onSent, isAbandoned: () => context.signal.aborted }),
      );
      this.counters.applied += 1;
      return result;
    } catch (error) {
      const failure = writeFailure(name, error, isSent);
      if (failure instanceof RedisWriteUnknownError) {
        this.counters.unknown += 1;
        onUnknown(keys);
      } else {
        this.counters.notApplied += 1;
      }
      throw failure;
    }
  }
}

function argsOfSet(value: string, ttlMs: number | undefined): Args {
  return ttlMs === undefined ? [value] : [value, 'PX', ttlMs];
}
