import { fileURLToPath } from 'node:url';
import { spawnNode, type PoolClient } from '@holdfast/testkit';
import { expect, it } from 'vitest';
import { removeDuplicates } from '../../src/duplicates/remove-duplicates.ts';
import type { CleanUpLine } from './clean-up-process.ts';
import { column, fillReadings, useDatabase, workTables } from './set-up.ts';

const PROGRAM = fileURLToPath(new URL('clean-up-process.ts', import.meta.url));
const RULES = {
  table: 'readings',
  key: ['node', 'ts'],
  keep: 'first',
  chunkRows: 100,
  // However slow the machine is, a chunk is not shrunk.
  maxTxMs: 10_000,
  archiveTo: 'gone',
} as const;
const database = useDatabase();

const count = async (table: string): Promise<unknown> =>
  (await column(database(), `SELECT count(*)::int4 FROM ${table}`))[0];

it('stops behind a chunk and goes on where it was', async () => {
  await fillReadings(database());
  const { pool } = database();
  const stop = new AbortController();

  const first = await removeDuplicates({
    ...RULES,
    pool,
    signal: stop.signal,
    onProgress: ({ deleted }) => deleted >= 300 && stop.abort(),
  });
  const between = await count('readings');
  const second = await removeDuplicates({ ...RULES, pool });

  expect(first).toMatchObject({ duplicates: 1800, deleted: 300, archived: 300, aborted: true });
  expect(between).toBe(1700);
  expect(second).toMatchObject({ duplicates: 1800, deleted: 1500, resumed: true, aborted: false });
  expect(await count('gone')).toBe(1800);
  expect(await column(database(), 'SELECT max(id)::int4 FROM readings')).toEqual([200]);
  expect(await workTables(database())).toEqual([]);
});

it('goes on after its process was killed, and deletes nothing twice', async () => {
  await fillReadings(database());
  const options = JSON.stringify({ ...RULES, pauseMs: 20 });
  await using program = await spawnNode<CleanUpLine>(PROGRAM, [database().url, options]);
  for (let line = await program.next(); (line as { deleted: number }).deleted < 500;) {
    line = await program.next();
  }
  await program.kill();

  const report = await removeDuplicates({ ...RULES, pool: database().pool });

  expect(report.resumed).toBe(true);
  expect(report.deleted).toBeLessThanOrEqual(1300);
  expect(await count('readings')).toBe(200);
  expect(await column(database(), 'SELECT count(DISTINCT id)::int4 FROM gone')).toEqual([1800]);
  expect(await count('gone')).toBe(1800);
});

it('counts right when the answer to a COMMIT was lost', async () => {
  await fillReadings(database());
  const { pool } = database();
  let commits = 0;
  const connect = async (): Promise<PoolClient> => {
    const client = await pool.connect();
    const query = client.query.bind(client) as (...args: unknown[]) => Promise<unknown>;
    const answer = async (...args: unknown[]): Promise<unknown> => {
      const result = await query(...args);
      // The first is the scan's.
      if (args[0] !== 'COMMIT' || (commits += 1) !== 4) return result;
      throw Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });
    };
    return Object.assign(Object.create(client) as PoolClient, { query: answer });
  };

  const report = await removeDuplicates({ ...RULES, pool: { connect } });

  expect(commits).toBeGreaterThan(4);
  expect(report).toMatchObject({ deleted: 1800, archived: 1800, skipped: 0 });
  expect(await count('gone')).toBe(1800);
});

it('does not take itself for another run when a COMMIT whose answer was lost takes effect late', async () => {
  await fillReadings(database());
  const { pool } = database();
  let commits = 0;
  let orphan: PoolClient | undefined;
  const connect = async (): Promise<PoolClient> => {
    const client = await pool.connect();
    const query = client.query.bind(client) as (...args: unknown[]) => Promise<unknown>;
    return Object.assign(Object.create(client) as PoolClient, {
      query: (...args: unknown[]) => {
        if (args[0] !== 'COMMIT' || (commits += 1) !== 4) return query(...args);
        // The server has not read it yet.
        orphan = client;
        const lost = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });
        return Promise.reject(lost);
      },
      release(isBroken: boolean) {
        if (client !== orphan) client.release(isBroken);
      },
    });
  };
  const cleaning = removeDuplicates({ ...RULES, pool: { connect } });
  const waiting = `SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock'
    AND datname = current_database()`;
  while ((await column(database(), waiting)).length === 0);
  await orphan?.query('COMMIT');
  orphan?.release();

  expect(await cleaning).toMatchObject({ deleted: 1800, archived: 1800, skipped: 0 });
  expect(await count('gone')).toBe(1800);
});

it('stops when another run has taken over', async () => {
  await fillReadings(database());
  const { pool } = database();
  let second: Promise<unknown> | undefined;

  const first = removeDuplicates({
    ...{ ...RULES, pool, pauseMs: 50 },
    onProgress: ({ deleted }) => {
      if (deleted >= 200) second ??= removeDuplicates({ ...RULES, pool });
    },
  });

  await expect(first).rejects.toMatchObject({ code: 'DUPLICATES_TAKEN_OVER' });
  expect(await second).toMatchObject({ resumed: true });
  expect(await count('readings')).toBe(200);
  expect(await count('gone')).toBe(1800);
});

it('keeps an archive from when it is asked for one, also when it goes on without a scan', async () => {
  await fillReadings(database());
  const { pool } = database();
  const stop = new AbortController();
  await removeDuplicates({
    ...{ ...RULES, pool, archiveTo: undefined, signal: stop.signal },
    onProgress: ({ deleted }) => deleted >= 300 && stop.abort(),
  });

  expect(await removeDuplicates({ ...RULES, pool })).toMatchObject({ archived: 1500 });
  expect(await count('gone')).toBe(1500);
});

it('scans again when the server has lost what was found', async () => {
  await fillReadings(database());
  const { pool } = database();
  const stop = new AbortController();
  await removeDuplicates({
    ...{ ...RULES, pool, signal: stop.signal },
    onProgress: ({ deleted }) => deleted >= 300 && stop.abort(),
  });
  // As a crash leaves an unlogged table.
  const [work] = await workTables(database());
  await pool.query(`TRUNCATE ${String(work)}`);

  expect(await removeDuplicates({ ...RULES, pool })).toMatchObject({
    ...{ resumed: false, duplicates: 1500, deleted: 1500 },
  });
});

it('ends a scan that is told to stop, on the server, too', async () => {
  await database().pool.query('CREATE TABLE t (id int4 PRIMARY KEY, k int4)');
  await database().pool.query('INSERT INTO t VALUES (1, 1), (2, 1)');
  const stop = new AbortController();
  const running = (): Promise<unknown[]> =>
    column(database(), `SELECT pid FROM pg_stat_activity WHERE query LIKE 'CREATE UNLOGGED%'`);

  const cleaning = removeDuplicates({
    pool: database().createPool({ max: 1 }),
    table: 't',
    key: ['k'],
    keep: 'first',
    where: `(SELECT true FROM pg_sleep(600))`,
    signal: stop.signal,
  });
  while ((await running()).length === 0);
  stop.abort();

  expect(await cleaning).toMatchObject({ aborted: true, deleted: 0 });
  expect(await running()).toEqual([]);
  expect(await workTables(database())).toEqual([]);
});
