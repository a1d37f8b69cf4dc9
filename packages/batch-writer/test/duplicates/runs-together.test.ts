import { fileURLToPath } from 'node:url';
import { createGate, spawnNode, type NodeProcess } from '@holdfast/testkit';
import { expect, it } from 'vitest';
import { removeDuplicates } from '../../src/duplicates/remove-duplicates.ts';
import type { CleanUpLine } from './clean-up-process.ts';
import { column, fillReadings, useDatabase, workTables } from './set-up.ts';

const PROGRAM = fileURLToPath(new URL('clean-up-process.ts', import.meta.url));
const RULES = { table: 'readings', key: ['node', 'ts'], keep: 'first' } as const;
const database = useDatabase();

/** Sessions that wait for a lock. */
const waiting = (): Promise<unknown[]> =>
  column(
    database(),
    `SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`,
  );

it('one scans and one goes on with it when two processes begin at the same moment', async () => {
  await fillReadings(database());
  const blocker = await database().pool.connect();
  // Both scans would begin when it lets go.
  await blocker.query('BEGIN; LOCK TABLE readings IN ACCESS EXCLUSIVE MODE');
  const options = JSON.stringify({ ...RULES, chunkRows: 50, pauseMs: 10, archiveTo: 'gone' });
  const runs = await Promise.all(
    [1, 2].map(() => spawnNode<CleanUpLine>(PROGRAM, [database().url, options])),
  );
  // One for the table, the other for it.
  while ((await waiting()).length < 2);
  await blocker.query('COMMIT');
  blocker.release();

  const outcomes = await Promise.all(runs.map(outcomeOf));

  expect(outcomes.sort()).toEqual(['DUPLICATES_TAKEN_OVER', 'went on']);
  expect(await column(database(), 'SELECT count(*)::int4 FROM readings')).toEqual([200]);
  expect(await column(database(), 'SELECT count(*)::int4 FROM gone')).toEqual([1800]);
  expect(await workTables(database())).toEqual([]);
});

async function outcomeOf(run: NodeProcess<CleanUpLine>): Promise<string> {
  const last = (await run.rest()).at(-1);
  if (last !== undefined && 'failed' in last) return last.failed;
  expect(last).toMatchObject({ report: { resumed: true } });
  return 'went on';
}

it('waits for the index that another run is building, and leaves it alone', async () => {
  await fillReadings(database());
  const { pool } = database();
  const blocker = await pool.connect();
  const thenUniqueIndex = { name: 'once' };
  const building = createGate();
  const first = removeDuplicates({
    ...{ ...RULES, pool, thenUniqueIndex },
    onProgress: ({ phase, duplicates, done }) => {
      if (phase === 'delete' && done === duplicates) building.open();
    },
  });
  await building.pass();
  // CONCURRENTLY waits for every transaction that might still write.
  await blocker.query('BEGIN; LOCK TABLE readings IN ROW EXCLUSIVE MODE');
  while ((await waiting()).length === 0);
  const second = removeDuplicates({ ...RULES, pool, thenUniqueIndex });
  while ((await waiting()).length < 2);
  await blocker.query('COMMIT');
  blocker.release();

  expect(await first).toMatchObject({ deleted: 1800, index: 'created' });
  expect(await second).toMatchObject({ deleted: 0, index: 'exists' });
});

it('does not drop what another run has taken over from it behind its last chunk', async () => {
  await fillReadings(database());
  const { pool } = database();
  let second: Promise<unknown> | undefined;
  const taken = createGate();
  const slow = {
    connect: async () => {
      // The last use of the first run, which drops the table.
      if (second !== undefined) await taken.pass();
      return pool.connect();
    },
  };
  const first = removeDuplicates({
    ...{ ...RULES, pool: slow },
    onProgress: ({ phase, duplicates, done }) => {
      if (phase !== 'delete' || done < duplicates) return;
      second ??= removeDuplicates({
        ...{ ...RULES, pool },
        onProgress: (progress) => progress.phase === 'delete' && taken.open(),
      });
    },
  });
  const ended = await first.catch((error: unknown) => error);

  expect(await second).toMatchObject({ resumed: true, deleted: 0 });
  expect([(ended as { code?: string }).code, await workTables(database())]).toEqual([
    'DUPLICATES_TAKEN_OVER',
    [],
  ]);
});
