import {
  memoryStore,
  StoreFailedError,
  type QueueStore,
  type StoredQueue,
} from '@holdfast/sync-queue';
import type { Clock } from '@holdfast/internal';

type Call = 'open' | 'enqueue' | 'claim' | 'settle' | 'extend';

export interface FlakyStore extends QueueStore {
  /** Calls since the creation, in order. */
  readonly calls: string[];
  /** Makes calls fail until it is lifted: before they do anything, or after they have done it. */
  fail(call: Call | 'all', when: 'before' | 'after'): () => void;
  /** Runs before each call. */
  hook: ((call: Call) => Promise<void>) | undefined;
}

/** A memory store that fails when told to. */
export function createFlakyStore(clock: Clock): FlakyStore {
  const store = memoryStore({ clock });
  const faults = new Set<{ readonly call: Call | 'all'; readonly when: 'before' | 'after' }>();
  const calls: string[] = [];

  const check = (call: Call, when: 'before' | 'after'): void => {
    for (const fault of faults) {
      if (fault.when !== when || (fault.call !== 'all' && fault.call !== call)) continue;
      const outcome = when === 'before' ? 'not-applied' : 'unknown';
      throw new StoreFailedError(outcome, new Error(`${call} failed ${when}`));
    }
  };
  const wrap = <A extends unknown[], R>(call: Call, fn: (...args: A) => Promise<R>) => {
    return async (...args: A): Promise<R> => {
      calls.push(call);
      await flaky.hook?.(call);
      check(call, 'before');
      const result = await fn(...args);
      check(call, 'after');
      return result;
    };
  };

  const flaky: FlakyStore = {
    ...store,
    calls,
    hook: undefined,
    fail(call, when) {
      const fault = { call, when };
      faults.add(fault);
      return () => void faults.delete(fault);
    },
    open: wrap('open', () => store.open()),
    queue(name, settings): StoredQueue {
      const queue = store.queue(name, settings);
      return {
        enqueue: wrap('enqueue', (...args) => queue.enqueue(...args)),
        claim: wrap('claim', (...args) => queue.claim(...args)),
        settle: wrap('settle', (...args) => queue.settle(...args)),
        extend: wrap('extend', (...args) => queue.extend(...args)),
        stats: () => queue.stats(),
        listDead: (page) => queue.listDead(page),
        redrive: (ids) => queue.redrive(ids),
        purge: (ids) => queue.purge(ids),
        setPaused: (target, isPaused) => queue.setPaused(target, isPaused),
        watch: (onNews, demand) => queue.watch(onNews, demand),
      };
    },
  };
  return flaky;
}
