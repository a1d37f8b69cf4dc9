import { createGate } from '@holdfast/testkit';
import { expect, it } from 'vitest';
import type { PgPoolLike } from '../../src/ports.ts';
import { removeDuplicates } from '../../src/duplicates/remove-duplicates.ts';
import { column, fillReadings, useDatabase } from './set-up.ts';

const database = useDatabase();
const RULES = { table: 'readings', key: ['node', 'ts'], keep: 'first' } as const;

const BUILDING = `SELECT pid FROM pg_stat_activity WHERE query LIKE 'CREATE UNIQUE INDEX%'`;

const indexes = (): Promise<unknown[]> =>
  column(
    database(),
    `SELECT indexrelid::regclass || ' ' || indisvalid FROM pg_index
     WHERE indrelid = 'readings'::regclass AND NOT indisprimary`,
  );

/** A row comes in behind the scan, and again when it has been deleted, as long as it was deleted less than `times`. */
async function cleanAmidRepeats(times: number): ReturnType<typeof removeDuplicates> {
  await fillReadings(database());
  await database().pool.query(`
    CREATE TABLE gone (LIKE readings);
    CREATE FUNCTION repeat() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      INSERT INTO readings SELECT 5001, 7, '2024-01-01', 1
        WHERE (SELECT count(*) FROM gone WHERE id = 5001) < ${times} ON CONFLICT DO NOTHING;
      RETURN NULL;
    END $$;
    CREATE TRIGGER repeat AFTER INSERT ON gone EXECUTE FUNCTION repeat();`);
  return removeDuplicates({
    ...{ ...RULES, pool: database().pool, archiveTo: 'gone' },
    thenUniqueIndex: { name: 'once', attempts: 3 },
  });
}

it('builds the index behind the clean-up', async () => {
  await fillReadings(database());
  const thenUniqueIndex = { name: 'once' };

  const report = await removeDuplicates({ ...RULES, pool: database().pool, thenUniqueIndex });
  const again = await removeDuplicates({ ...RULES, pool: database().pool, thenUniqueIndex });

  expect(report).toMatchObject({ deleted: 1800, index: 'created' });
  expect(again).toMatchObject({ deleted: 0, index: 'exists' });
  expect(await indexes()).toEqual(['once true']);
});

it('drops the INVALID index and cleans up again when a row came in twice', async () => {
  const report = await cleanAmidRepeats(1);

  expect(report).toMatchObject({ index: 'created', deleted: 1801, archived: 1801 });
  expect(await indexes()).toEqual(['once true']);
  expect(await column(database(), 'SELECT count(*)::int4 FROM readings')).toEqual([200]);
});

it('gives up when rows come in twice each time, and leaves no INVALID index', async () => {
  const report = await cleanAmidRepeats(99);

  expect(report).toMatchObject({ index: 'failed', deleted: 1802, aborted: false });
  expect(await indexes()).toEqual([]);
});

it('drops an INVALID index that a killed run has left', async () => {
  await fillReadings(database());
  await database()
    .pool.query('CREATE UNIQUE INDEX CONCURRENTLY once ON readings (node, ts)')
    .catch(() => undefined);
  expect(await indexes()).toEqual(['once false']);

  await removeDuplicates({ ...RULES, pool: database().pool, thenUniqueIndex: { name: 'once' } });

  expect(await indexes()).toEqual(['once true']);
});

it('leaves no index behind when it is told to stop while it builds one', async () => {
  await fillReadings(database());
  const stop = new AbortController();
  const blocker = await database().pool.connect();
  // CONCURRENTLY waits for every transaction that might still write.
  let blocked: Promise<unknown> = Promise.resolve();
  const cleaning = removeDuplicates({
    ...{ ...RULES, pool: database().pool, signal: stop.signal },
    thenUniqueIndex: { name: 'once' },
    onProgress: ({ phase, duplicates, done }) => {
      if (phase === 'delete' && done === duplicates) {
        blocked = blocker.query('BEGIN; LOCK TABLE readings IN ROW EXCLUSIVE MODE');
      }
    },
  });
  while ((await indexes()).length === 0);
  await blocked;

  stop.abort();
  while ((await column(database(), BUILDING)).length > 0);
  // DROP INDEX CONCURRENTLY waits for it, too.
  await blocker.query('COMMIT');
  blocker.release();

  expect(await cleaning).toMatchObject({ aborted: true, deleted: 1800 });
  expect(await indexes()).toEqual([]);
});

// The last transaction of CREATE INDEX CONCURRENTLY commits when it no longer has its lock on the table.
it('does not drop an index that another run is making valid', async () => {
  await fillReadings(database());
  const { pool } = database();
  const thenUniqueIndex = { name: 'once' };
  await expect(
    pool.query('CREATE UNIQUE INDEX CONCURRENTLY once ON readings (node, ts)'),
  ).rejects.toThrow(/could not create/);
  await removeDuplicates({ ...RULES, pool });
  const builder = await pool.connect();
  await builder.query(
    `BEGIN; UPDATE pg_index SET indisvalid = true WHERE indexrelid = 'once'::regclass`,
  );
  const decided = createGate();
  let waits = 0;
  const watched: PgPoolLike = {
    connect: async () => {
      const client = await pool.connect();
      const query = (text: string, values: unknown[]): unknown => {
        if (text.includes('pg_locks')) waits += 1;
        if (waits === 3 || text.startsWith('DROP INDEX')) decided.open();
        return client.query(text, values);
      };
      return new Proxy(client, {
        get: (target, name) =>
          name === 'query' ? query : (Reflect.get(target, name, target) as unknown),
      });
    },
  };

  const run = removeDuplicates({ ...RULES, pool: watched, thenUniqueIndex });
  run.catch(() => undefined);
  await decided.pass();
  await builder.query('COMMIT');
  builder.release();

  expect(await run).toMatchObject({ deleted: 0, index: 'exists' });
  expect(await indexes()).toEqual(['once true']);
});
