import { seededRandom } from '@holdfast/internal';
import {
  createOutbox,
  memoryOutboxStore,
  type OutboxOptions,
  type Push,
} from '@holdfast/sync-queue';
import { createFakeClock, isTorture, recordTorture, testSeed } from '@holdfast/testkit';
import { describe, expect, test } from 'vitest';
import { insert } from './set-up.ts';

const CLIENTS = isTorture ? 10_000 : 500;
const timeout = isTorture ? 300_000 : 60_000;
const OUTAGE_MS = 180_000;
const WINDOW_MS = 60_000;
/** Of few clients a second has so few that chance would be all that is seen. */
const BIN_MS = isTorture ? 1000 : 5000;

interface Fleet {
  readonly retry: OutboxOptions['retry'];
  readonly random: () => number;
}

/** A server that was away for long, and all its clients; what reaches it within a minute after its return. */
async function comeBack({ retry, random }: Fleet) {
  const clock = createFakeClock();
  const times: number[] = [];
  let isUp = false;
  const push: Push = async ({ ops }) => {
    times.push(clock.now());
    if (!isUp) throw new Error('away');
    return Promise.resolve({ verdicts: ops.map(({ key }) => ({ key, status: 'applied' })) });
  };
  const outboxes = Array.from({ length: CLIENTS }, (_, index) =>
    createOutbox({
      ...{ clientId: `c${index}`, store: memoryOutboxStore(), push, retry, clock, random },
      limits: { maxCount: 10, maxBytes: 10_000 },
      // What it tells is none of this test's business, and costs time.
      stallAfterMs: 3_600_000,
    }),
  );
  const starts = seededRandom(testSeed());
  // They meet the outage in its first minute, each at a time of its own.
  for (const [index, outbox] of outboxes.entries()) {
    clock.setTimer(() => {
      void outbox.enqueue(insert(`d${index}`)).then(() => outbox.start());
    }, WINDOW_MS * starts());
  }
  await clock.advance(OUTAGE_MS);
  times.length = 0;
  isUp = true;
  const startedMs = clock.now();
  await clock.advance(WINDOW_MS);
  const requests = times.length;
  const bins = Array.from({ length: WINDOW_MS / BIN_MS }, () => 0);
  for (const atMs of times) {
    const bin = Math.min(bins.length - 1, Math.floor((atMs - startedMs) / BIN_MS));
    bins[bin]! += 1;
  }
  const peakToMean = Number((Math.max(...bins) / (requests / bins.length)).toFixed(2));
  const back = outboxes.filter((outbox) => outbox.snapshot().held === 0).length;
  for (const outbox of outboxes) await outbox.close();
  return { peakToMean, requests, back };
}

function record(policy: string, result: object, startedMs: number): void {
  const seconds = Math.round((performance.now() - startedMs) / 1000);
  const name = `outbox-reconnect: ${policy}`;
  recordTorture({ name, size: CLIENTS, seed: testSeed(), result, seconds });
}

describe('when a server comes back, requests per second within a minute', () => {
  test('are at most twice the mean with probes spread over 75 seconds', { timeout }, async () => {
    const startedMs = performance.now();
    const random = seededRandom(testSeed());
    const result = await comeBack({ retry: { probeCapMs: 75_000 }, random });

    record('full jitter, 75 s', result, startedMs);
    expect(result.peakToMean).toBeLessThanOrEqual(isTorture ? 2 : 3);
    expect(result.back).toBeGreaterThan(0.9 * CLIENTS);
  });

  test(
    'are at most five times the mean by default, and all are through in half of it',
    { timeout },
    async () => {
      const startedMs = performance.now();
      const result = await comeBack({ retry: {}, random: seededRandom(testSeed()) });

      record('full jitter, default', result, startedMs);
      // A spread over 30 seconds that falls linearly has its peak at four times the mean of 60, and chance has its share.
      expect(result.peakToMean).toBeLessThanOrEqual(isTorture ? 5 : 6);
      expect(result.back).toBe(CLIENTS);
    },
  );

  test(
    'negative control: are ten times the mean with a fixed delay of 5 seconds',
    { timeout },
    async () => {
      const startedMs = performance.now();
      const retry = { baseMs: 5000, capMs: 5000, probeCapMs: 5000 };
      const result = await comeBack({ retry, random: () => 1 });

      record('fixed, 5 s', result, startedMs);
      expect(result.peakToMean).toBeGreaterThanOrEqual(10);
      expect(result.back).toBe(CLIENTS);
    },
  );
});
