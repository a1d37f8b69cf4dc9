import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { createQueue, type Queue, type QueueStore } from '@holdfast/sync-queue';
import { describe, expect, test } from 'vitest';
import type { CreateFixture, StoreTraits } from './kit.ts';

const POLL_MS = 50;
const WATCHED_MS = 6 * POLL_MS;
/** At least as many as there are shards. */
const PERMITS = 4;
/** Those of `pollMs` in that time, as many again for what each add and pause tells, and some for a late timer. */
const MOST_CLAIMS = 20;

type Hinder = (queue: Queue<string>) => Promise<void>;

const PAUSES: readonly [string, Hinder][] = [
  ['of a paused queue', (queue) => queue.pause()],
  ['of a paused priority', (queue) => queue.pause({ kind: 'priority', priority: 3 })],
  ['of a paused key', (queue) => queue.pause({ kind: 'key', key: 'k' })],
];
/** A shard has its own permits, so this is of a whole queue. */
const USED_UP: [string, Hinder] = ['whose rate is used up', (queue) => usePermits(queue)];

export function describeConsumers(create: CreateFixture, { boundsWhole }: StoreTraits): void {
  const hindrances = boundsWhole ? [...PAUSES, USED_UP] : PAUSES;
  describe('a consumer', () => {
    test.each(hindrances)('%s looks now and then, and leaves the event loop', async (_, hinder) => {
      const fixture = await create();
      let claims = 0;
      const queue = createQueue<string>({
        name: `q/${randomUUID()}`,
        limits: { maxCount: 100, maxBytes: 10_000 },
        overflow: 'reject',
        rate: { count: PERMITS, perMs: 3_600_000 },
        store: countingClaims(fixture.store, () => (claims += 1)),
      });
      await hinder(queue);
      let handled = 0;
      const handler = (): Promise<void> => Promise.resolve(void (handled += 1));
      queue.consumeEach(handler, { pollMs: POLL_MS });
      while (claims < 2) await delay(1);

      const before = claims;
      await queue.add('a', { key: 'k' });
      await queue.add('b', { key: 'k' });
      await delay(WATCHED_MS);

      expect(claims - before).toBeLessThanOrEqual(MOST_CLAIMS);
      expect(handled).toBe(0);
      await queue.close();
      await fixture.close();
    });
  });
}

async function usePermits(queue: Queue<string>): Promise<void> {
  let handled = 0;
  const consumer = queue.consumeEach(() => Promise.resolve(void (handled += 1)));
  await queue.addMany(Array.from({ length: PERMITS }, String));
  while (handled < PERMITS) await delay(1);
  await consumer.close();
}

function countingClaims(store: QueueStore, count: () => void): QueueStore {
  return {
    ...store,
    queue(name, settings) {
      const stored = store.queue(name, settings);
      const claim = stored.claim.bind(stored);
      return Object.assign(stored, {
        claim: (request: Parameters<typeof claim>[0]) => {
          count();
          return claim(request);
        },
      });
    },
  };
}
