import { createDeferred, type Deferred } from '@holdfast/internal';
import { createFakeClock, type FakeClock } from '@holdfast/testkit';
import type { BatchLoader, BatchLoaderOptions, LoadResult } from '../../src/loader/batch-loader.ts';
import { createBatchLoader } from '../../src/loader/create-batch-loader.ts';

/** One call of `load`, which the test ends. */
export interface LoadCall extends Deferred<LoadResult<string, number>> {
  readonly keys: readonly string[];
  readonly signal: AbortSignal;
  /** Ends it with the same value for every key. */
  answer(value: number): void;
}

export interface Bench {
  readonly clock: FakeClock;
  readonly loader: BatchLoader<string, number>;
  readonly calls: LoadCall[];
}

/** A loader on a fake clock, without jitter, whose loads wait for the test. */
export function setUp(options: Partial<BatchLoaderOptions<string, number>> = {}): Bench {
  const clock = createFakeClock();
  const calls: LoadCall[] = [];
  const loader = createBatchLoader<string, number>({
    load: (keys, signal) => {
      const ended = createDeferred<LoadResult<string, number>>();
      const answer = (value: number): void =>
        ended.resolve(new Map(keys.map((key) => [key, value])));
      calls.push({ ...ended, keys, signal, answer });
      return ended.promise;
    },
    ttlJitter: 0,
    clock,
    ...options,
  });
  return { clock, loader, calls };
}

/** A load that finds every key that has digits: its number. */
export async function loadNumbers(keys: readonly string[]): Promise<Map<string, number>> {
  return new Map(keys.filter((key) => /^\d+$/.test(key)).map((key) => [key, Number(key)]));
}

export const outcomeOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    (value) => value,
    (error: unknown) => error,
  );
