import {
  bundleProgram,
  createTestDatabase,
  isTorture,
  recordTorture,
  testSeed,
  type BuiltProgram,
  type TestDatabase,
} from '@holdfast/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  breakOwners,
  LEDGER,
  TTL_MS,
  WORK_CYCLE_MS,
  type OwnershipResult,
} from './ownership-run.ts';

/** Groups that run at the same time, and pauses in each of them. */
const GROUPS = isTorture ? 4 : 1;
const PAUSES = isTorture ? 250 : 3;
const MEMBERS = isTorture ? 4 : 3;
/** What a cycle of 15 s is here. */
const CYCLE_MS = 1000;
const timeout = isTorture ? 3_600_000 : 120_000;

let database: TestDatabase;
let program: BuiltProgram;

beforeAll(async () => {
  database = await createTestDatabase();
  await database.pool.query(LEDGER);
  program = await bundleProgram(new URL('../fixtures/zone-worker.ts', import.meta.url));
});
afterAll(async () => {
  await database.close();
  await program.close();
});

const place = (): { pool: TestDatabase['pool']; url: string; program: string } => ({
  pool: database.pool,
  url: database.url,
  program: program.path,
});

function sum(results: readonly OwnershipResult[]): OwnershipResult {
  const names = Object.keys(results[0]!) as (keyof OwnershipResult)[];
  const add = (name: keyof OwnershipResult): number =>
    name === 'longestGapMs'
      ? Math.max(...results.map((one) => one[name]))
      : results.reduce((all, one) => all + one[name], 0);
  return Object.fromEntries(names.map((name) => [name, add(name)])) as unknown as OwnershipResult;
}

describe('owners that stop, die and lose their connections', () => {
  test.each(['where', 'tx'] as const)(
    'have no effect twice, and none after that of a newer owner, with the fence %s',
    { timeout },
    async (fence) => {
      const startedMs = performance.now();
      const results = await Promise.all(
        Array.from({ length: GROUPS }, (_, index) =>
          breakOwners({
            ...place(),
            ...{ group: `${fence}-${index}`, fence, members: MEMBERS, pauses: PAUSES },
            seed: testSeed() + index * 10_000,
          }),
        ),
      );

      const result = sum(results);
      const seconds = Math.round((performance.now() - startedMs) / 1000);
      recordTorture({
        name: `zone-ownership: ${fence}`,
        ...{ size: GROUPS * PAUSES, seed: testSeed(), result, seconds },
      });
      expect(result).toMatchObject({ stale: 0, doubled: 0, zonesWithout: 0 });
      // Nobody takes a shard while a fenced transaction holds it.
      if (fence === 'tx') expect(result.late).toBe(0);
      // The last effect may be one cycle of the worker before the stop, and the next one after the takeover.
      const longestMs = TTL_MS + CYCLE_MS + 2 * WORK_CYCLE_MS;
      if (isTorture) expect(result.longestGapMs).toBeLessThanOrEqual(longestMs);
    },
  );

  test('negative control: without a fence some are', { timeout }, async () => {
    const result = await breakOwners({
      ...place(),
      ...{ group: 'control', fence: 'none', members: 3, pauses: 40, seed: testSeed() },
      // Each of them outlives the lease.
      shortestMs: TTL_MS * 1.6,
      until: ({ stale }) => stale > 0,
    });

    recordTorture({
      name: 'zone-ownership: none (control)',
      ...{ size: result.pauses, seed: testSeed(), result, seconds: 0 },
    });
    expect(result.stale).toBeGreaterThan(0);
  });
});
