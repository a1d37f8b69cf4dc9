import { isTorture, recordTorture, testSeed } from '@holdfast/testkit';
import { describe, expect, test } from 'vitest';
import { KINDS } from '../fixtures/places.ts';
import { killConsumers } from './kill-run.ts';
import { useProgram } from './use-program.ts';

const KILLS = isTorture ? 172 : 4;
const LEASE_MS = 1000;
const timeout = isTorture ? 1_200_000 : 30_000;
const onPlaces = useProgram('victim.ts');

describe.each(KINDS)('on %s', (kind) => {
  test(
    'of consumers that are killed at any point nothing is lost, and a receiver doubles nothing',
    { timeout },
    async () => {
      const startedMs = performance.now();
      const result = await killConsumers({
        ...{ ...onPlaces(), kind },
        kills: KILLS,
        leaseMs: LEASE_MS,
      });

      const seconds = Math.round((performance.now() - startedMs) / 1000);
      recordTorture({
        name: `sync-queue-kills: ${kind}`,
        ...{ size: KILLS, seed: testSeed(), result, seconds },
      });
      expect(result).toMatchObject({
        ...{ lost: 0, left: 0, doubledWithoutReason: 0, doubledInReceiver: 0 },
      });
      expect(result.orphans).toBeGreaterThan(KILLS);
      // Half of the points are before the effect, and a quarter between it and the settlement.
      expect(result.again).toBeGreaterThanOrEqual(result.orphans / 2);
      expect(result.doubled).toBeGreaterThan(0);
      if (isTorture) expect(result.latestAgainMs).toBeLessThanOrEqual(1000);
    },
  );

  test('negative control: without leases what they held is lost', { timeout }, async () => {
    const result = await killConsumers({
      ...{ ...onPlaces(), kind, kills: 2, leaseMs: LEASE_MS },
      isWithoutLeases: true,
    });

    expect(result.lost).toBeGreaterThan(0);
  });
});
