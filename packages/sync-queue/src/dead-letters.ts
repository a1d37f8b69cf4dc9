import {
  createListeners,
  requireBoolean,
  requireFunction,
  requireInteger,
  requireNumber,
  requireOptions,
  sleep,
  throwIfAborted,
  type Clock,
} from '@holdfast/internal';
import type {
  DeadFilter,
  DeadLetter,
  DeadLetters,
  RedriveProgress,
  RedriveReport,
} from './dead-letter.ts';
import { matchesFilter, resolveDeadFilter } from './dead-filter.ts';
import { plainBytes } from './plain-bytes.ts';
import type { Codec } from './queue-options.ts';
import { requireSignal } from './require-signal.ts';
import { requireStorableText } from './require-storable-text.ts';
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
      const { after } = options;
      let next = after === undefined ? undefined : requireStorableText('after', after);
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
      requireOptions('dead.redrive', options, { ...names, onProgress: true });
      const { perSecond = Infinity, onProgress } = options;
      const signal = requireSignal(options.signal);
      if (perSecond !== Infinity) requireNumber('perSecond', perSecond, { min: 0.001 });
      const isDry = requireBoolean('dryRun', options.dryRun ?? false);
      const listeners = createListeners<{ progress: RedriveProgress }>({ progress: true });
      if (onProgress !== undefined) {
        listeners.on('progress', requireFunction('onProgress', onProgress));
      }
      const size = Math.ceil(Math.min(perSecond, MAX_ITEMS_PER_CALL));
      const report = { matched: 0, redriven: 0, full: 0 };
      let waitMs = 0;
      for await (const { ids, ...place } of matchingLetters(options.filter, size)) {
        if (waitMs > 0 && ids.length > 0) {
          await sleep(waitMs, { clock, signal });
          waitMs = 0;
        }
        throwIfAborted(signal);
        report.matched += ids.length;
        if (!isDry && ids.length > 0) {
          const { redriven, full } = await run((queue) => queue.redrive(ids));
          report.redriven += redriven;
          report.full += full;
          waitMs = (1000 * ids.length) / perSecond;
          if (redriven > 0) onRedriven();
        }
        listeners.emit('progress', { ...report, ...place });
      }
      return report;
    },

    async purge(options = {}) {
      requireOptions('dead.purge', options, { filter: true, dryRun: true });
      const isDry = requireBoolean('dryRun', options.dryRun ?? false);
      let count = 0;
      for await (const { ids } of matchingLetters(options.filter, MAX_ITEMS_PER_CALL)) {
        count += isDry || ids.length === 0 ? ids.length : await run((queue) => queue.purge(ids));
      }
      if (count > 0 && !isDry) onRedriven();
      return count;
    },
  };

  /** Of the letters that are there now: those that die again meanwhile stay. Where none match, it tells how far it is. */
  async function* matchingLetters(
    given: DeadFilter | undefined,
    size: number,
  ): AsyncGenerator<MatchingLetters> {
    const filter = resolveDeadFilter(given);
    const total = (await run((queue) => queue.stats())).dead;
    let looked = 0;
    let after: string | undefined;
    do {
      const page = { limit: Math.min(MAX_ITEMS_PER_CALL, total - looked), after };
      if (page.limit <= 0) return;
      const found = await run((queue) => queue.listDead(page));
      const ids: string[] = [];
      for (const letter of found.letters) {
        looked += 1;
        if (matchesFilter(letter, filter)) ids.push(letter.id);
        if (ids.length === size) yield { ids: ids.splice(0), looked, total };
      }
      yield { ids, looked, total };
      after = found.next;
    } while (after !== undefined);
  }
}

interface MatchingLetters {
  readonly ids: readonly string[];
  readonly looked: number;
  readonly total: number;
}

function toDeadLetter<T>(dead: StoredDead, codec: Codec<T>): DeadLetter<T> {
  return {
    ...dead,
    payload: plainBytes(dead.payload),
    value: tryDecode(dead.payload, codec),
  };
}

function tryDecode<T>(payload: Uint8Array, codec: Codec<T>): T | undefined {
  try {
    return codec.decode(payload);
  } catch {
    return undefined;
  }
}
