import { fileURLToPath } from 'node:url';
import { isTorture, recordTorture, spawnNode, testSeed } from '@holdfast/testkit';
import { expect, it } from 'vitest';
import type { RemoveDuplicatesReport } from '../../src/duplicates/duplicates.ts';
import type { CleanUpLine } from './clean-up-process.ts';
import { column, useDatabase } from './set-up.ts';

const PROGRAM = fileURLToPath(new URL('clean-up-process.ts', import.meta.url));
const ROWS = isTorture ? 2_000_000 : 50_000;
const ROUNDS = isTorture ? 3 : 1;
const database = useDatabase();

/** One in eleven rows is a copy of another one, somewhere else in the heap: 10 % on top of those that stay. */
async function fill(): Promise<void> {
  const kept = Math.round(ROWS * 0.9);
  await database().pool.query(`
    CREATE TABLE original (id int8, node int4, name text, ts timestamptz, value float8);
    INSERT INTO original
      SELECT row_number() OVER (ORDER BY hashint8(n)), k % 5000, 'temperature',
        '2024-01-01'::timestamptz + k * interval '1 second', n
      FROM (SELECT n, CASE WHEN n <= ${kept} THEN n ELSE (n - ${kept}) * 7 END AS k
        FROM generate_series(1, ${ROWS}) AS n) AS rows;`);
}

async function copy(name: string): Promise<void> {
  await database().pool.query(`CREATE TABLE ${name} AS TABLE original ORDER BY id`);
  await database().pool.query(`ALTER TABLE ${name} ADD PRIMARY KEY (id)`);
  await database().pool.query(`VACUUM ANALYZE ${name}`);
  await database().pool.query('CHECKPOINT');
}

async function single(): Promise<number> {
  await copy('single');
  const startMs = performance.now();
  await database().pool.query(`
    DELETE FROM single WHERE ctid IN (SELECT ctid FROM (
      SELECT ctid, row_number() OVER (PARTITION BY node, name, ts ORDER BY id) AS nth FROM single) AS judged
      WHERE nth > 1)`);
  return (performance.now() - startMs) / 1000;
}

interface Ours {
  readonly report: RemoveDuplicatesReport;
  readonly rssGrowthMb: number;
  readonly seconds: number;
}

async function ours(): Promise<Ours> {
  await copy('ours');
  const options = { table: 'ours', key: ['node', 'name', 'ts'], keep: 'first' };
  const program = await spawnNode<CleanUpLine>(PROGRAM, [database().url, JSON.stringify(options)]);
  const lines = await program.rest();
  expect(await program.exited).toMatchObject({ code: 0 });
  return lines.at(-1) as Ours;
}

it(
  'cleans up a large table in short transactions and little memory',
  { timeout: 600_000 },
  async () => {
    const startMs = performance.now();
    await fill();
    const rounds: { single: number; ours: Ours }[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      await database().pool.query('DROP TABLE IF EXISTS single, ours');
      const first = await single();
      rounds.push({ single: first, ours: await ours() });
    }

    const left = await column(
      database(),
      `SELECT count(*)::int4 FROM (TABLE ours EXCEPT ALL TABLE single UNION ALL
      (TABLE single EXCEPT ALL TABLE ours)) AS different`,
    );
    expect(left).toEqual([0]);
    for (const { ours } of rounds) {
      expect(ours.report).toMatchObject({ duplicates: ROWS / 10, deleted: ROWS / 10, skipped: 0 });
      expect(ours.rssGrowthMb).toBeLessThanOrEqual(20);
    }
    const middle = (values: readonly number[]): number =>
      values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
    const round = (value: number): number => Math.round(value * 100) / 100;
    recordTorture({
      name: 'batch-writer-dedupe: against one DELETE',
      size: ROWS,
      seed: testSeed(),
      result: {
        rssGrowthMb: round(Math.max(...rounds.map(({ ours }) => ours.rssGrowthMb))),
        longestTxMs: round(Math.max(...rounds.map(({ ours }) => ours.report.longestTxMs))),
        ratio: round(middle(rounds.map(({ single, ours }) => ours.seconds / single))),
        singleSeconds: round(middle(rounds.map(({ single }) => single))),
        seconds: round(middle(rounds.map(({ ours }) => ours.seconds))),
      },
      seconds: Math.round((performance.now() - startMs) / 1000),
    });
  },
);
