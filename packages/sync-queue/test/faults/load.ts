import { setTimeout as delay } from 'node:timers/promises';
import type { Queue } from '@holdfast/sync-queue';
import { countOf } from '../fixtures/effects.ts';

export interface Producing {
  /** Values that were told to be added, so far. */
  readonly added: readonly number[];
  /** Values that were told not to be added, by the code of the error. */
  readonly refused: ReadonlyMap<string, readonly number[]>;
  stop(): Promise<void>;
}

export interface LoadAccount {
  readonly added: number;
  /** How many adds were refused, by the code of the error. */
  readonly refused: Readonly<Record<string, number>>;
  /** Told to be added, and never delivered. */
  readonly lost: number;
  /** Told not to be held, and delivered. */
  readonly phantoms: number;
  /** Delivered more than once. */
  readonly doubled: number;
  readonly storeErrors: number;
}

export interface Load {
  readonly producing: Producing;
  /** Resolves when something is delivered that was not before; milliseconds. */
  resumed(): Promise<number>;
  /** Ends the producers, lets the consumer empty the queue, and accounts. */
  finish(): Promise<LoadAccount>;
}

/** How many adds are on their way at a time. */
export const CALLERS = 8;

/** Adds numbers from several callers. Never more than `ahead` of what `doneCount` tells. */
export function startProducing(
  queue: Queue<number>,
  { ahead, doneCount }: { readonly ahead: number; readonly doneCount: () => number },
): Producing {
  const added: number[] = [];
  const refused = new Map<string, number[]>();
  const stopping = new AbortController();
  let next = 0;
  const callers = Array.from({ length: CALLERS }, async () => {
    while (!stopping.signal.aborted) {
      if (added.length - doneCount() >= ahead) {
        await delay(2);
        continue;
      }
      const value = next++;
      try {
        await queue.add(value);
        added.push(value);
      } catch (error) {
        const { code } = error as { code: string };
        refused.set(code, [...(refused.get(code) ?? []), value]);
        await delay(5);
      }
    }
  });
  return {
    added,
    refused,
    async stop() {
      stopping.abort();
      await Promise.all(callers);
    },
  };
}

export interface LoadOptions {
  /** Items that wait at most. Default 200. */
  readonly ahead?: number;
  /** How long the consumer works on a batch of 20. Default 1. */
  readonly workMs?: number;
}

/** Producers and a consumer on one queue. */
export function startLoad(queue: Queue<number>, options: LoadOptions = {}): Load {
  const { ahead = 200, workMs = 1 } = options;
  const delivered: number[] = [];
  const { storeErrors } = queue.snapshot();
  const consumer = queue.consume(
    async (batch) => {
      for (const { value } of batch) delivered.push(value);
      await delay(workMs);
    },
    { maxBatch: 20 },
  );
  const seen = new Set<number>();
  let counted = 0;
  const doneCount = (): number => {
    for (; counted < delivered.length; counted += 1) seen.add(delivered[counted]!);
    return seen.size;
  };
  const producing = startProducing(queue, { ahead, doneCount });
  return {
    producing,
    async resumed() {
      const startedMs = performance.now();
      const before = delivered.length;
      while (delivered.length === before) await delay(2);
      return Math.round(performance.now() - startedMs);
    },
    async finish() {
      await producing.stop();
      while ((await queue.stats()).count > 0) await delay(10);
      await consumer.close();
      doneCount();
      const { added, refused } = producing;
      const notHeld = refused.get('STORE_FAILED') ?? [];
      return {
        added: added.length,
        refused: Object.fromEntries([...refused].map(([code, values]) => [code, values.length])),
        lost: added.filter((value) => !seen.has(value)).length,
        phantoms: notHeld.filter((value) => seen.has(value)).length,
        doubled: [...countOf(delivered).values()].filter((times) => times > 1).length,
        storeErrors: queue.snapshot().storeErrors - storeErrors,
      };
    },
  };
}
