import {
  createTestDatabase,
  isTorture,
  recordTorture,
  spawnNode,
  testSeed,
} from '@holdfast/testkit';
import { describe, expect, it } from 'vitest';
import { leaseSchema } from '../src/leases/lease-schema.ts';
import type { WriterResult, WriterTask } from './fixtures/lease-writer.ts';

const WRITES = isTorture ? 100_000 : 600;
const PROCESSES = 3;
const KEYS = isTorture ? 24 : 8;

interface Outcome extends WriterResult {
  /** Accepted writes after one of a newer token. */
  readonly stale: number;
  readonly stored: number;
}

/**
 * Several processes write to the same resources of a database of their own, each pausing for longer than its lease every
 * now and then.
 */
async function writeWithPauses(
  check: WriterTask['check'],
  writes: number,
  round = 0,
): Promise<Outcome> {
  await using database = await createTestDatabase();
  const { pool, url } = database;
  for (const statement of leaseSchema()) await pool.query(statement);
  await pool.query(`create table resource as
    select id, 0::bigint as newest, 0 as stale, 0 as writes from generate_series(0, ${KEYS - 1}) as id`);
  const running = await Promise.all(
    Array.from({ length: PROCESSES }, (_, index) => {
      const task: WriterTask = {
        url,
        keys: KEYS,
        writes: Math.ceil(writes / PROCESSES),
        seed: testSeed() + round * PROCESSES + index,
        check,
      };
      const file = new URL('./fixtures/lease-writer.ts', import.meta.url);
      return spawnNode<WriterResult>(file, [JSON.stringify(task)]);
    }),
  );
  const results = await Promise.all(running.map((one) => one.next()));
  const sum = (name: keyof WriterResult): number =>
    results.reduce((all, one) => all + one[name], 0);
  const { rows } = await pool.query<{ stale: number; stored: number }>(
    'select sum(stale)::int as stale, sum(writes)::int as stored from resource',
  );
  return { tried: sum('tried'), accepted: sum('accepted'), refused: sum('refused'), ...rows[0]! };
}

// Small, they run together: what they do most is to pause.
const options = { concurrent: !isTorture };

describe('writes under leases whose holders pause for too long', options, () => {
  it(
    `has no stale one among ${WRITES} that are guarded`,
    { timeout: isTorture ? 3_600_000 : 120_000 },
    async () => {
      const startedMs = performance.now();
      const outcome = await writeWithPauses('guard', WRITES);

      const seconds = Math.round((performance.now() - startedMs) / 1_000);
      recordTorture({
        name: 'locks-fencing',
        size: WRITES,
        seed: testSeed(),
        result: outcome,
        seconds,
      });
      expect(outcome).toMatchObject({ stale: 0, stored: outcome.accepted });
      expect(outcome.tried).toBeGreaterThanOrEqual(WRITES);
      // Else there was nothing to refuse.
      expect(outcome.refused).toBeGreaterThan(0);
    },
  );

  it('has stale ones among those whose holders look at their own clock only (negative control)', async () => {
    expect(await staleOnes('deadline')).toBeGreaterThan(0);
  }, 240_000);

  it('has stale ones among those that nobody checks (negative control)', async () => {
    expect(await staleOnes('none')).toBeGreaterThan(0);
  }, 240_000);
});

/** Writes until there is one: none may fall into a pause by chance. */
async function staleOnes(mode: 'deadline' | 'none'): Promise<number> {
  for (let round = 0; round < 5; round += 1) {
    const { stale } = await writeWithPauses(mode, 600, round);
    if (stale > 0) return stale;
  }
  return 0;
}
