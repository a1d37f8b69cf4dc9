import { seededRandom } from '@holdfast/internal';
import type { QueueStore } from '@holdfast/sync-queue';
import { isTorture, recordTorture, testSeed } from '@holdfast/testkit';
import { expect, test } from 'vitest';
import type { CreateFixture } from '../conformance/kit.ts';
import { wrapStore } from '../fixtures/wrap-store.ts';
import { runSchedule } from './run-schedule.ts';

const STEPS = 60;

export interface ModelSizes {
  /** Schedules in `npm test`. */
  readonly small: number;
  /** Those of the torture. */
  readonly full: number;
  /** Schedules that are played at one time, each on a queue of its own; time passes by itself then. Default 1. */
  readonly atATime?: number;
}

/** Holds a store against the ledger in random schedules. */
export function checkModel(
  name: string,
  create: CreateFixture,
  { small, full, atATime = 1 }: ModelSizes,
): void {
  const schedules = isTorture ? full : small;

  test(
    `${name}: the ledger finds nothing in ${schedules} random schedules`,
    { timeout: 3_600_000 },
    async () => {
      const seed = testSeed();
      const startedMs = performance.now();
      const fixture = await create();
      const { store } = fixture;
      await store.open();
      let accepted = 0;
      let next = 0;
      const play = async (): Promise<void> => {
        while (next < schedules) {
          const schedule = next++;
          const random = seededRandom(seed + schedule);
          try {
            // Not in one statement: it would add to what was before the wait.
            const more = await runSchedule({ ...fixture, random }, STEPS);
            accepted += more;
          } catch (error) {
            throw new Error(`schedule ${schedule} of seed ${seed}`, { cause: error });
          }
        }
      };
      await Promise.all(Array.from({ length: atATime }, play));
      await store.close();
      await fixture.close();
      const seconds = Math.round((performance.now() - startedMs) / 1000);
      const result = { schedules, steps: schedules * STEPS, accepted, violations: 0 };
      recordTorture({ name: `sync-queue-model ${name}`, size: schedules, seed, result, seconds });
      expect(accepted).toBeGreaterThan(schedules);
    },
  );
}

/** Negative controls: the ledger has to find what is wrong with a store that breaks one rule. */
export function checkLedger(create: CreateFixture): void {
  test.each<[string, (store: QueueStore) => QueueStore]>([
    ['counts what it does not hold', (store) => breakStats(store)],
    ['settles without looking at the attempt', (store) => breakFence(store)],
    ['delivers an item twice', (store) => breakClaim(store)],
  ])('negative control: the ledger finds a store that %s', async (_name, breakStore) => {
    const seed = testSeed();
    const fixture = await create();
    const { store } = fixture;
    await store.open();
    const run = async (): Promise<void> => {
      for (let schedule = 0; schedule < 50; schedule += 1) {
        const random = seededRandom(seed + schedule);
        await runSchedule({ ...fixture, store: breakStore(store), random }, STEPS);
      }
    };

    await expect(run()).rejects.toThrow();
    await store.close();
    await fixture.close();
  });
}

function breakStats(store: QueueStore): QueueStore {
  return wrapStore(store, (queue) => ({
    stats: async () => {
      const stats = await queue.stats();
      return stats.count > 3 ? { ...stats, bytes: stats.bytes + 1 } : stats;
    },
  }));
}

function breakFence(store: QueueStore): QueueStore {
  return wrapStore(store, (queue) => ({
    settle: async (settlements) => {
      await queue.settle(settlements);
      return settlements.map(() => 'settled');
    },
  }));
}

function breakClaim(store: QueueStore): QueueStore {
  return wrapStore(store, (queue) => {
    let last: Awaited<ReturnType<typeof queue.claim>> | undefined;
    return {
      claim: async (request) => {
        const claim = await queue.claim(request);
        const again = last?.items.slice(0, 1) ?? [];
        last = claim;
        return { ...claim, items: [...claim.items, ...again] };
      },
    };
  });
}
