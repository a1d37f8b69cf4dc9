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
import { postgresShardsStatements } from '../../src/postgres.ts';
import {
  breakOwners,
  LEDGER,
  TTL_MS,
  WORK_CYCLE_MS,
  type OwnershipResult,
} from './ownership-run.ts';

/** Groups that run at the same time, and pauses in each of them. */
const GROUPS = isTorture ? 3 : 1;
const PAUSES = isTorture ? 334 : 3;
const MEMBERS = isTorture ? 4 : 3;
/** What a cycle of 15 s is here. */
const CYCLE_MS = 1000;
const LONGEST_TAKEOVER_MS = TTL_MS + CYCLE_MS;
/** Until what is given back is taken: a round of each of the two, every fifth of a third of the lease, and their statements. */
const HANDOVER_MS = (3 * TTL_MS) / 15;
// Small, they run together.
const options = { timeout: isTorture ? 3_600_000 : 120_000, concurrent: !isTorture };

let database: TestDatabase;
let program: BuiltProgram;

beforeAll(async () => {
  database = await createTestDatabase();
  for (const statement of postgresShardsStatements()) await database.pool.query(statement);
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
    name.startsWith('longest')
      ? Math.max(...results.map((one) => one[name]))
      : results.reduce((all, one) => all + one[name], 0);
  return Object.fromEntries(names.map((name) => [name, add(name)])) as unknown as OwnershipResult;
}

describe('owners that stop, die and lose their connections', () => {
  test.each(['where', 'tx'] as const)(
    'have no effect twice, and none after that of a newer owner: fence %s',
    options,
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
      if (!isTorture) return;
      expect(result.longestTakeoverMs).toBeLessThanOrEqual(LONGEST_TAKEOVER_MS);
      // A shard that is taken is worked on from the next cycle on: up to a cycle until it begins, up to one until the turn.
      // A zone whose handler still runs since before the fault is left out of one cycle, and one is deferred to the next.
      const longestTurnMs = 3 * WORK_CYCLE_MS;
      expect(result.longestTurnMs).toBeLessThanOrEqual(longestTurnMs + result.longestStallMs);
      // The last effect may be a cycle before the fault, and earlier in it than its turn in the next; the next one such a
      // turn after the takeover. A shard that goes back to its thawed owner right before that turn waits for one anew.
      const longestGapMs =
        2 * WORK_CYCLE_MS + LONGEST_TAKEOVER_MS + longestTurnMs + HANDOVER_MS + longestTurnMs;
      expect(result.longestGapMs).toBeLessThanOrEqual(longestGapMs);
    },
  );

  test('negative control: without a fence they have both', options, async () => {
    const result = await breakOwners({
      ...place(),
      ...{ group: 'control', fence: 'none', members: 3, pauses: 40, seed: testSeed() },
      // Each of them outlives the lease, and others have had an effect before it ends; nearly always something runs.
      ...{ shortestMs: TTL_MS * 2.8, workMs: 100 },
      until: ({ doubled }) => doubled > 0,
    });

    recordTorture({
      name: 'zone-ownership: none (control)',
      ...{ size: result.pauses, seed: testSeed(), result, seconds: 0 },
    });
    expect(result.stale).toBeGreaterThan(0);
    expect(result.doubled).toBeGreaterThan(0);
  });

  // Small in fence.test.ts, without a process that stops.
  if (!isTorture) return;
  test(
    'negative control: a transaction that may lie idle holds its shard for as long as its process is stopped',
    options,
    async () => {
      const result = await breakOwners({
        ...place(),
        ...{ group: 'idle', fence: 'tx', members: 3, pauses: 40, seed: testSeed() },
        ...{ shortestMs: LONGEST_TAKEOVER_MS * 1.5, workMs: 100, idleMs: 3_600_000 },
        until: ({ longestTakeoverMs }) => longestTakeoverMs > LONGEST_TAKEOVER_MS,
      });

      recordTorture({
        name: 'zone-ownership: tx without a bound on idleness (control)',
        ...{ size: result.pauses, seed: testSeed(), result, seconds: 0 },
      });
      expect(result.longestTakeoverMs).toBeGreaterThan(LONGEST_TAKEOVER_MS);
      expect(result).toMatchObject({ stale: 0, doubled: 0, late: 0 });
    },
  );
});
