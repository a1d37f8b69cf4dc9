import {
  requireBoolean,
  requireInteger,
  requireNumber,
  requireOptions,
  sleep,
  throwIfAborted,
  type Clock,
} from '@holdfast/internal';
import type { DeadFilter, DeadLetter, DeadLetters, RedriveReport } from './dead-letter.ts';
import { matchesFilter, resolveDeadFilter } from './dead-filter.ts';
import type { Codec } from './queue-options.ts';
import { MAX_ITEMS_PER_CALL, type StoredDead, type StoredQueue } from './store.ts';

export interface DeadLettersContext<T> {
  readonly codec: Codec<T>;
  readonly clock: Clock;
  readonly run: <R>(call: (queue: StoredQueue) => Promise<R>) => Promise<R>;
  readonly onRedriven: () => void;
}

/** The dead letters of one queue. */
export function createDeadLetters<T>({
  codec,
  clock,
  run,
  onRedriven,
}: DeadLettersContext<T>): DeadLetters<T> {
  return {
    async list(options = {}) {
      requireOptions('dead.list', options, { limit: true, after: true, filter: true });
      const limit = requireInteger('limit', options.limit ?? 100, { min: 1, max: 1000 });
      const filter = resolveDeadFilter(options.filter);
      const letters: DeadLetter<T>[] = [];
      let next = options.after;
      do {
        const page = { limit: Math.min(MAX_ITEMS_PER_CALL, limit - letters.length), after: next };
        const found = await run((queue) => queue.listDead(page));
        for (const letter of found.letters) {
          if (matchesFilter(letter, filter)) letters.push(toDeadLetter(letter, codec));
        }
        next = found.next;
      } while (next !== undefined && letters.length < limit);
      return { letters, next };
    },

    async redrive(options = {}): Promise<RedriveReport> {
      const names = { filter: true, perSecond: true, dryRun: true, signal: true } as const;
      requireOptions('dead.redrive', options, names);
      const { perSecond, signal } = options;
      if (perSecond !== undefined) requireNumber('perSecond', perSecond, { min: 0.001 });
      const isDry = requireBoolean('dryRun', options.dryRun ?? false);
      const size =
        perSecond === undefined ? MAX_ITEMS_PER_CALL : Math.ceil(Math.min(perSecond, 250));
      const report = { matched: 0, redriven: 0, full: 0 };
      for await (const ids of matchingIds(options.filter, size)) {
        throwIfAborted(signal);
        report.matched += ids.length;
        if (isDry) continue;
        const { redriven, full } = await run((queue) => queue.redrive(ids));
        report.redriven += redriven;
        report.full += full;
        if (redriven > 0) onRedriven();
        if (perSecond !== undefined)
          await sleep((1000 * ids.length) / perSecond, { clock, signal });
      }
      return report;
    },

    async purge(options = {}) {
      requireOptions('dead.purge', options, { filter: true, dryRun: true });
      const isDry = requireBoolean('dryRun', options.dryRun ?? false);
      let count = 0;
      for await (const ids of matchingIds(options.filter, MAX_ITEMS_PER_CALL)) {
        count += isDry ? ids.length : await run((queue) => queue.purge(ids));
      }
      if (count > 0 && !isDry) onRedriven();
      return count;
    },
  };

  /** Of the letters that are there now: those that die again meanwhile stay. */
  async function* matchingIds(
    given: DeadFilter | undefined,
    size: number,
  ): AsyncGenerator<readonly string[]> {
    const filter = resolveDeadFilter(given);
    let left = (await run((queue) => queue.stats())).dead;
    let after: string | undefined;
    do {
      const page = { limit: Math.min(MAX_ITEMS_PER_CALL, left), after };
      if (page.limit <= 0) return;
      const found = await run((queue) => queue.listDead(page));
      const ids = found.letters.filter((letter) => matchesFilter(letter, filter));
      for (let start = 0; start < ids.length; start += size) {
        yield ids.slice(start, start + size).map(({ id }) => id);
      }
      left -= found.letters.length;
      after = found.next;
    } while (after !== undefined);
  }
}

function toDeadLetter<T>(dead: StoredDead, codec: Codec<T>): DeadLetter<T> {
  return { ...dead, value: tryDecode(dead.payload, codec) };
}

function tryDecode<T>(payload: Uint8Array, codec: Codec<T>): T | undefined {
  try {
    return codec.decode(payload);
  } catch {
    return undefined;
  }
}
