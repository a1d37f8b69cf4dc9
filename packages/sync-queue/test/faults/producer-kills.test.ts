import { setTimeout as delay } from 'node:timers/promises';
import { seededRandom } from '@holdfast/internal';
import { isTorture, recordTorture, spawnNode, testSeed } from '@holdfast/testkit';
import Database from 'libsql';
import { describe, expect, test } from 'vitest';
import { KINDS } from '../fixtures/places.ts';
import { connectQueue, type Place } from '../fixtures/stores.ts';
import type { WorkerMessage, WorkerTask } from '../fixtures/worker.ts';
import { useProgram } from './use-program.ts';

const KILLS = isTorture ? 100 : 4;
const ADDS = 100_000;
const PRODUCERS = 8;
const timeout = isTorture ? 600_000 : 30_000;

const onPlaces = useProgram('worker.ts');

/** Lets a process add and consume for a while, and kills it wherever it is. */
async function killOne(task: WorkerTask, lifeMs: number): Promise<WorkerMessage[]> {
  const process = await spawnNode<WorkerMessage>(onPlaces().program, [JSON.stringify(task)]);
  const messages = [await process.next()];
  await delay(lifeMs);
  await process.kill();
  return [...messages, ...(await process.rest())];
}

function isSound(place: Place): boolean {
  if (place.kind !== 'sqlite') return true;
  const database = new Database(place.path);
  const [row] = database.prepare('PRAGMA integrity_check').all([]) as { integrity_check: string }[];
  database.close();
  return row?.integrity_check === 'ok';
}

interface KillsRun {
  readonly kind: Place['kind'];
  readonly kills: number;
  readonly wrap?: WorkerTask['wrap'];
}

/** Kills one producer after another, then takes what there is, and accounts. */
async function killProducers({ kind, kills, wrap }: KillsRun) {
  const random = seededRandom(testSeed());
  const place = onPlaces().places.next(kind);
  const limits = { maxCount: 1_000_000, maxBytes: 2 ** 30 };
  const added: number[] = [];
  const done = new Set<number>();
  let unsound = 0;
  for (let kill = 0; kill < kills; kill += 1) {
    const from = kill * PRODUCERS * ADDS;
    const task = { place, ...limits, producers: PRODUCERS, from, count: ADDS, wrap };
    const flags = { isPadded: false, isConsuming: true };
    for (const message of await killOne({ ...task, ...flags }, 100 * random())) {
      if ('added' in message) added.push(message.added);
      if ('done' in message) for (const value of message.done) done.add(value);
    }
    if (!isSound(place)) unsound += 1;
  }
  const doneBefore = done.size;

  const opened = await connectQueue(place, limits);
  const consumer = opened.queue.consume(async (batch) => {
    for (const { value } of batch) done.add(value);
    return Promise.resolve();
  });
  while ((await opened.queue.stats()).count > 0) await delay(10);
  await consumer.close();
  const { bytes, dead } = await opened.queue.stats();
  await opened.close();
  const lost = added.filter((value) => !done.has(value)).length;
  const untold = done.size - added.length;
  return { added: added.length, doneBefore, lost, untold, unsound, left: { bytes, dead } };
}

describe.each(KINDS)('on %s', (kind) => {
  test(
    'what killed processes were told to be added is there, in the middle of commits, too',
    { timeout },
    async () => {
      const startedMs = performance.now();
      const { left, ...result } = await killProducers({ kind, kills: KILLS });

      const seconds = Math.round((performance.now() - startedMs) / 1000);
      recordTorture({
        name: `sync-queue-producer-kills: ${kind}`,
        ...{ size: KILLS, seed: testSeed(), result, seconds },
      });
      expect(result).toMatchObject({ lost: 0, unsound: 0 });
      expect(left).toEqual({ bytes: 0, dead: 0 });
      expect(result.added).toBeGreaterThan(KILLS);
      // At most those whose answers were on their way.
      expect(result.untold).toBeLessThanOrEqual(PRODUCERS * KILLS);
    },
  );

  test(
    'negative control: what a producer was told before the store had it is lost with it',
    { timeout },
    async () => {
      const result = await killProducers({ kind, kills: KILLS, wrap: 'early' });

      expect(result.lost).toBeGreaterThan(0);
    },
  );
});
