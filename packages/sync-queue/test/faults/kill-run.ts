import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { spawnNode } from '@holdfast/testkit';
import { crashDelayMs } from '../../src/store.ts';
import { countOf, createEffects, openEffects, readEffects } from '../fixtures/effects.ts';
import type { Places } from '../fixtures/places.ts';
import { connectQueue, type OpenQueue, type Place } from '../fixtures/stores.ts';
import type { KillPoint, VictimMessage, VictimTask } from '../fixtures/victim.ts';

export interface KillRun {
  readonly places: Places;
  readonly kind: Place['kind'];
  readonly kills: number;
  readonly leaseMs: number;
  /** Of `fixtures/victim.ts`. */
  readonly program: string;
  /** The negative control. */
  readonly isWithoutLeases?: boolean;
}

export interface KillVerdict {
  readonly added: number;
  /** Added, and never done. */
  readonly lost: number;
  /** Items that were held by a process that was killed. */
  readonly orphans: number;
  /** Of them those that were done and settled when it was killed, and those that were delivered again. */
  readonly settled: number;
  readonly again: number;
  /** Beyond the lease and what `crashDelayMs` adds to it, by the store's clock. */
  readonly latestAgainMs: number;
  /** Done more than once, plainly: at-least-once allows it where the effect was there and the settlement was not. */
  readonly doubled: number;
  readonly doubledWithoutReason: number;
  /** The same through a receiver. */
  readonly doubledInReceiver: number;
  readonly left: number;
}

interface Sighting {
  readonly value: number;
  readonly attempt: number;
  readonly atMs: number;
}

type Kill = Sighting & { readonly point: KillPoint };

const KILL_POINTS: readonly KillPoint[] = [
  ...(['after-claim', 'mid-handler', 'after-effect', 'mid-settle'] as const),
];
/** Items that wait, always: killed consumers and those that take over have something to do. */
const BACKLOG = 60;
const LANES = 2;

/** Kills consumers one after another at each of the points, while another one works on what there is; then accounts. */
export async function killConsumers(run: KillRun): Promise<KillVerdict> {
  const { places, kind, leaseMs } = run;
  const place = places.next(kind);
  const folder = mkdtempSync(join(places.folder, 'effects-'));
  createEffects(folder);
  const effects = openEffects(folder);
  const opened = await connectQueue(place, { leaseMs });
  const { queue } = opened;
  const kills: Kill[] = [];
  const sightings: Sighting[] = [];
  const see = (held: VictimMessage['held'], atMs: number): void => {
    for (const { value, attempt } of held) sightings.push({ value, attempt, atMs });
  };

  const feed = feeder(opened);
  await feed.fill();
  const valueById = new Map<string, number>();
  const lateHere = new Map<string, number>();
  const tellLate = ({ id, attempt }: { readonly id: string; readonly attempt: number }): void =>
    void lateHere.set(`${id}/${attempt}`, valueById.get(id) ?? NaN);
  // The one while the handler runs, the other when it ended before anybody had looked; both for one delivery at times.
  queue.on('leaseLost', tellLate);
  queue.on('staleSettle', (stale) => {
    // A repeated one may have been settled in time.
    if (!stale.isRepeat) tellLate(stale);
  });
  const consumer = queue.consume(
    async (batch) => {
      for (const { id, value } of batch) valueById.set(id, value);
      see(batch, await places.storeNow(place));
      await effects.apply(batch);
      await feed.fill();
    },
    { maxBatch: 5 },
  );

  const task = { place, leaseMs, folder, isWithoutLeases: run.isWithoutLeases ?? false };
  let started = 0;
  const killOn = async (): Promise<void> => {
    while (started < run.kills) {
      const point = KILL_POINTS[started++ % KILL_POINTS.length]!;
      const args = [JSON.stringify({ ...task, point } satisfies VictimTask)];
      const victim = await spawnNode<VictimMessage>(run.program, args);
      const { held } = await victim.next();
      const atMs = await places.storeNow(place);
      await victim.kill();
      see(held, atMs);
      for (const { value, attempt } of held) kills.push({ value, attempt, atMs, point });
    }
  };
  await Promise.all(Array.from({ length: LANES }, killOn));
  feed.stop();
  while ((await queue.stats()).count > 0) await delay(20);
  await consumer.close();
  const { count: left, dead } = await queue.stats();
  await opened.close();
  await effects.close();

  const { plain, received } = readEffects(folder);
  return {
    ...judgeDeliveries(kills, sightings, leaseMs),
    ...judgeEffects(plain, kills, [...lateHere.values()]),
    added: feed.added(),
    lost: feed.added() - plain.size,
    doubledInReceiver: [...received.values()].filter((times) => times > 1).length,
    left: left + dead,
  };
}

/** Keeps the backlog filled. */
function feeder({ queue }: OpenQueue) {
  let added = 0;
  let isStopped = false;
  return {
    added: () => added,
    stop: () => void (isStopped = true),
    async fill() {
      // Asked, for killed processes do not say what they have settled.
      const { count } = await queue.stats();
      if (isStopped || count > BACKLOG) return;
      const values = Array.from({ length: 20 }, () => added++);
      const verdicts = await queue.addMany(values);
      const bad = verdicts.find(({ status }) => status !== 'accepted');
      if (bad !== undefined) throw new Error(`not added: ${JSON.stringify(bad)}`);
    },
  };
}

function judgeDeliveries(kills: readonly Kill[], sightings: readonly Sighting[], leaseMs: number) {
  const nameOf = ({ value, attempt }: Sighting, later: number): string =>
    `${value}/${attempt + later}`;
  const seen = new Map(sightings.map((sighting) => [nameOf(sighting, 0), sighting.atMs]));
  let again = 0;
  let latestAgainMs = 0;
  for (const kill of kills) {
    const atMs = seen.get(nameOf(kill, 1));
    if (atMs === undefined) continue;
    again += 1;
    const allowedMs = leaseMs + crashDelayMs(kill.attempt);
    latestAgainMs = Math.max(latestAgainMs, Math.round(atMs - kill.atMs - allowedMs));
  }
  return { orphans: kills.length, settled: kills.length - again, again, latestAgainMs };
}

/** An effect more is explained by each kill between it and the end of the settlement, and by a lease that was lost. */
function judgeEffects(
  plain: ReadonlyMap<number, number>,
  kills: readonly Kill[],
  lateHere: readonly number[],
) {
  const doneUnsettled = kills.filter(
    ({ point }) => point === 'after-effect' || point === 'mid-settle',
  );
  const allowed = countOf([...doneUnsettled.map(({ value }) => value), ...lateHere]);
  const doubled = [...plain].filter(([, times]) => times > 1);
  const unexplained = doubled.filter(([value, times]) => times - 1 > (allowed.get(value) ?? 0));
  return { doubled: doubled.length, doubledWithoutReason: unexplained.length };
}
