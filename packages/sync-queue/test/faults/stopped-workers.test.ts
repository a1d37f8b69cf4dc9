import { setTimeout as delay } from 'node:timers/promises';
import {
  createGate,
  isTorture,
  recordTorture,
  spawnNode,
  testSeed,
  type NodeProcess,
} from '@holdfast/testkit';
import { describe, expect, test } from 'vitest';
import { countOf } from '../fixtures/effects.ts';
import { KINDS } from '../fixtures/places.ts';
import type { SleeperMessage, SleeperTask } from '../fixtures/sleeper.ts';
import { connectQueue, type OpenQueue } from '../fixtures/stores.ts';
import { useProgram } from './use-program.ts';

const STOPS = isTorture ? 40 : 1;
const LEASE_MS = 500;
const ITEMS = 5;
const timeout = isTorture ? 600_000 : 20_000;

const onPlaces = useProgram('sleeper.ts');

interface Stop {
  /** Whether its signal was aborted when its code went on. */
  readonly isAborted: boolean;
  readonly answers: readonly string[];
  /** Effects of the items, by how often they were done. */
  readonly effects: readonly number[];
}

/**
 * A consumer stops with items beyond its lease, another one takes them over, and the first goes on while the second is at
 * work. The effect is done by those who see no lost lease.
 */
async function stopOnce(
  sleeper: NodeProcess<SleeperMessage>,
  { queue }: OpenQueue,
  values: readonly number[],
): Promise<Stop> {
  await queue.addMany(values);
  for (let held = 0; held < values.length;) {
    const message = await sleeper.next();
    held += 'held' in message ? message.held.length : 0;
  }
  sleeper.freeze();

  const deliveries: number[] = [];
  const effects: number[] = [];
  const gate = createGate();
  const consumer = queue.consume(
    async (batch) => {
      deliveries.push(...batch.map(({ value }) => value));
      await gate.pass();
      effects.push(...batch.map(({ value }) => value));
    },
    { maxBatch: ITEMS, concurrency: 10, pollMs: 50 },
  );
  while (deliveries.length < values.length) await delay(10);
  sleeper.send('go on');
  sleeper.thaw();

  const aborted: boolean[] = [];
  const answers: string[] = [];
  while (answers.length < values.length) {
    const message = await sleeper.next();
    if ('isAborted' in message) aborted.push(message.isAborted);
    if ('answers' in message) answers.push(...message.answers);
  }
  // What is ready or put off now has been taken from the one that works on it.
  while ((await queue.stats()).leased < values.length) await delay(10);
  gate.open();
  while ((await queue.stats()).count > 0) await delay(10);
  await consumer.close();
  return {
    isAborted: aborted.every(Boolean),
    answers,
    effects: [...countOf(effects).values()],
  };
}

interface StopsRun {
  readonly kind: (typeof KINDS)[number];
  readonly waitsFor: SleeperTask['waitsFor'];
  readonly stops: number;
  readonly isWithoutFences?: boolean;
}

async function stopOften({ kind, waitsFor, stops, isWithoutFences = false }: StopsRun) {
  const { places, program } = onPlaces();
  const place = places.next(kind);
  const task: SleeperTask = { place, leaseMs: LEASE_MS, waitsFor, isWithoutFences };
  const opened = await connectQueue(place, { leaseMs: LEASE_MS });
  await using sleeper = await spawnNode<SleeperMessage>(program, [JSON.stringify(task)]);
  const seen: Stop[] = [];
  for (let stop = 0; stop < stops; stop += 1) {
    const values = Array.from({ length: ITEMS }, (_, index) => stop * ITEMS + index);
    seen.push(await stopOnce(sleeper, opened, values));
  }
  await opened.close();
  const answers = seen.flatMap((each) => each.answers);
  return {
    stops,
    aborted: seen.filter(({ isAborted }) => isAborted).length,
    settlements: answers.length,
    stale: answers.filter((answer) => answer === 'stale').length,
    items: seen.flatMap(({ effects }) => effects).length,
    doubled: seen.flatMap(({ effects }) => effects).filter((times) => times > 1).length,
  };
}

describe.each(KINDS)('on %s', (kind) => {
  test.each(['timer', 'line'] as const)(
    'a consumer that stood still beyond its lease, waiting for a %s, knows it and settles nothing',
    { timeout },
    async (waitsFor) => {
      const startedMs = performance.now();
      const result = await stopOften({ kind, waitsFor, stops: STOPS });

      const seconds = Math.round((performance.now() - startedMs) / 1000);
      recordTorture({
        name: `sync-queue-stops: ${kind}, ${waitsFor}`,
        ...{ size: STOPS, seed: testSeed(), result, seconds },
      });
      const items = STOPS * ITEMS;
      expect(result).toEqual({
        ...{ stops: STOPS, aborted: STOPS, settlements: items, stale: items, items, doubled: 0 },
      });
    },
  );

  test(
    'negative control: without the fencing token the work is done twice',
    { timeout },
    async () => {
      const result = await stopOften({ kind, waitsFor: 'line', stops: 1, isWithoutFences: true });

      expect(result).toMatchObject({ stale: 0, doubled: ITEMS });
    },
  );
});
