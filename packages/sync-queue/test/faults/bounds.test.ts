import { setTimeout as delay } from 'node:timers/promises';
import type { Consumer } from '@holdfast/sync-queue';
import { isTorture, recordTorture, spawnNode, testSeed } from '@holdfast/testkit';
import { describe, expect, test } from 'vitest';
import { KINDS } from '../fixtures/places.ts';
import { connectQueue, type Place } from '../fixtures/stores.ts';
import type { WorkerMessage, WorkerTask } from '../fixtures/worker.ts';
import { useProgram } from './use-program.ts';

const ON = [...KINDS, 'redis, 4 shards'] as const;
const PROCESSES = 4;
const PRODUCERS = 2;
const ADDS = isTorture ? 5000 : 100;
/** Payloads are of 105 bytes on average, so that either limit may be the one that holds. */
const LIMITS = { maxCount: 100, maxBytes: 10_000 };
/** In which the control goes beyond a bound at least once. */
const MOST_ROUNDS = 5;
const timeout = isTorture ? 600_000 : 30_000;

const onPlaces = useProgram('worker.ts');

interface BoundsRun {
  readonly place: Place;
  readonly adds: number;
  readonly isTwoStep: boolean;
}

/** Producers in processes of their own against a queue that is full most of the time, with an observer. */
async function overfill({ place, adds, isTwoStep }: BoundsRun) {
  const observer = await connectQueue(place, { ...LIMITS, isPadded: true });
  const opened = await connectQueue(place, { ...LIMITS, isPadded: true });
  const delivered: number[] = [];
  let [isFull, isOver] = [false, false];
  const drain = (): Consumer =>
    opened.queue.consume(
      async (batch) => {
        // However fast the store is: a batch makes room only when there is next to none.
        while (!isFull && !isOver) await delay(1);
        for (const { value } of batch) delivered.push(value);
        await delay(2);
      },
      { maxBatch: 20 },
    );
  // Two steps are so slow that a consumer would keep the queue empty.
  let consumer = isTwoStep ? undefined : drain();
  const ending = new AbortController();
  const most = { observations: 0, count: 0, bytes: 0 };
  const observing = (async () => {
    while (!ending.signal.aborted) {
      const { count, bytes } = await observer.queue.stats();
      most.observations += 1;
      most.count = Math.max(most.count, count);
      most.bytes = Math.max(most.bytes, bytes);
      isFull = count > 0.9 * LIMITS.maxCount || bytes > 0.9 * LIMITS.maxBytes;
      // Stores that answer at once would leave nobody else a turn.
      await delay(1);
    }
  })();

  const task = { ...LIMITS, place, producers: PRODUCERS, count: adds, isPadded: true };
  const workers = await Promise.all(
    Array.from({ length: PROCESSES }, (_, index) => {
      const from = index * PRODUCERS * adds;
      const wrap = isTwoStep ? 'two-steps' : undefined;
      const full: WorkerTask = { ...task, from, wrap, isConsuming: false };
      return spawnNode<WorkerMessage>(onPlaces().program, [JSON.stringify(full)]);
    }),
  );
  const messages = (await Promise.all(workers.map((each) => each.rest()))).flat();
  isOver = true;
  consumer ??= drain();
  while ((await opened.queue.stats()).count > 0) await delay(10);
  ending.abort();
  await observing;
  await consumer.close();
  const { count, bytes } = await opened.queue.stats();
  await opened.close();
  await observer.close();

  const added = messages.flatMap((message) => ('added' in message ? [message.added] : []));
  const refusals = messages.flatMap((message) => ('refused' in message ? [message.refused] : []));
  return {
    offered: PROCESSES * PRODUCERS * adds,
    added: added.length,
    refused: refusals.filter((code) => code === 'QUEUE_FULL').length,
    failed: refusals.filter((code) => code !== 'QUEUE_FULL').length,
    delivered: delivered.length,
    isDeliveredOnce: new Set(delivered).size === delivered.length,
    isAllDelivered: added.every((value) => delivered.includes(value)),
    observations: most.observations,
    mostCount: most.count,
    mostBytes: most.bytes,
    left: { count, bytes },
  };
}

const nextPlace = (kind: (typeof ON)[number]): Place => {
  const { places } = onPlaces();
  if (kind !== 'redis, 4 shards') return places.next(kind);
  return { ...places.next('redis'), shards: 4 } as Place;
};

describe.each(ON)('on %s', (kind) => {
  test(
    'neither bound is passed at any observation, and every item has a verdict',
    { timeout },
    async () => {
      const startedMs = performance.now();
      const place = nextPlace(kind);
      const result = await overfill({ place, adds: ADDS, isTwoStep: false });

      const seconds = Math.round((performance.now() - startedMs) / 1000);
      recordTorture({
        name: `sync-queue-bounds: ${kind}`,
        ...{ size: result.offered, seed: testSeed(), result, seconds },
      });
      expect(result.mostCount).toBeLessThanOrEqual(LIMITS.maxCount);
      expect(result.mostBytes).toBeLessThanOrEqual(LIMITS.maxBytes);
      expect(result.added + result.refused).toBe(result.offered);
      expect(result).toMatchObject({ failed: 0, isDeliveredOnce: true, isAllDelivered: true });
      expect(result.delivered).toBe(result.added);
      expect(result.left).toEqual({ count: 0, bytes: 0 });
      // It was full, and items went through it all the same.
      expect(result.refused).toBeGreaterThan(0);
      expect(result.added).toBeGreaterThan(LIMITS.maxCount);
    },
  );

  test(
    'negative control: a store that checks and adds in two steps goes beyond',
    { timeout: MOST_ROUNDS * timeout },
    async () => {
      let isBeyond = false;
      // A producer that has filled the queue before the others have begun races with nobody.
      for (let round = 0; !isBeyond && round < MOST_ROUNDS; round += 1) {
        const result = await overfill({ place: nextPlace(kind), adds: 100, isTwoStep: true });
        isBeyond = result.mostCount > LIMITS.maxCount || result.mostBytes > LIMITS.maxBytes;
      }
      expect(isBeyond).toBe(true);
    },
  );
});
