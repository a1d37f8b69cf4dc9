import { seededRandom } from '@holdfast/internal';
import { createGate, testSeed, type PoolClient } from '@holdfast/testkit';
import { expect, it } from 'vitest';
import type { RemoveDuplicatesOptions } from '../../src/duplicates/duplicates.ts';
import { removeDuplicates } from '../../src/duplicates/remove-duplicates.ts';
import { column, fillReadings, useDatabase } from './set-up.ts';

const database = useDatabase();

type Options = Omit<RemoveDuplicatesOptions, 'pool' | 'table' | 'key'>;

/**
 * Inserts, updates and deletes rows of all keys at random until `fn` has ended. What would take a row from its key locks all of
 * them first and leaves one, so that no key goes by the writers' doing.
 */
async function amidWriters<T>(fn: () => Promise<T>): Promise<T> {
  const random = seededRandom(testSeed());
  const any = (below: number): number => Math.floor(random() * below);
  let isRunning = true;
  let nextId = 1_000_000;
  const take = async (client: PoolClient, key: number, change: string): Promise<void> => {
    await client.query('BEGIN');
    const of = await client.query<{ id: string }>(
      'SELECT id FROM readings WHERE node = $1 ORDER BY id FOR UPDATE',
      [key],
    );
    const id = of.rows[any(of.rows.length)]?.id;
    if (of.rows.length > 1) await client.query(`${change} WHERE id = $1`, [id]);
    await client.query('COMMIT');
  };
  const writer = async (client: PoolClient): Promise<void> => {
    while (isRunning) {
      const key = any(200);
      const actions = [
        () =>
          client.query(
            `INSERT INTO readings VALUES (${(nextId += 1)}, ${key}, '2024-01-01', ${any(5000)})`,
          ),
        () => client.query(`UPDATE readings SET value = ${any(5000)} WHERE node = ${key}`),
        () => take(client, key, `UPDATE readings SET node = ${any(200)}`),
        () => take(client, key, 'DELETE FROM readings'),
      ];
      try {
        await actions[any(actions.length)]!();
      } catch (error) {
        await client.query('ROLLBACK');
        // The index is there, or locks have met in another order.
        if (!['23505', '40P01'].includes(String((error as { code?: string }).code))) throw error;
      }
    }
    client.release();
  };
  const clients = [1, 2, 3].map(() => database().pool.connect());
  const writers = (await Promise.all(clients)).map(writer);
  try {
    return await fn();
  } finally {
    isRunning = false;
    await Promise.all(writers);
  }
}

const clean = (options: Options): ReturnType<typeof removeDuplicates> =>
  removeDuplicates({ pool: database().pool, table: 'readings', key: ['node', 'ts'], ...options });

it.each<Options['keep']>(['last', { orderBy: 'value', direction: 'desc' }])(
  'leaves exactly one row of each key under concurrent inserts and updates, with the index (%j)',
  async (keep) => {
    await fillReadings(database());

    // The writers insert in between: only some clean-up in a row meets no new duplicate.
    const report = await amidWriters(() =>
      clean({ keep, chunkRows: 20, thenUniqueIndex: { name: 'once', attempts: 3 } }),
    );
    const last = await clean({ keep, thenUniqueIndex: { name: 'once' } });

    expect(['created', 'failed']).toContain(report.index);
    expect(['created', 'exists']).toContain(last.index);
    const { rows } = await database().pool.query(
      'SELECT count(*)::int4 AS rows, count(DISTINCT node)::int4 AS keys FROM readings',
    );
    expect(rows).toEqual([{ rows: 200, keys: 200 }]);
  },
);

/** Cleans up while another transaction has changed a row and not ended; `end` ends it as soon as the deletes wait for it. */
async function whileOpen(statement: string, end: 'COMMIT' | 'ROLLBACK'): Promise<object> {
  await database().pool.query(`
    CREATE TABLE readings (id int8 PRIMARY KEY, node int4, ts timestamptz, value float8);
    INSERT INTO readings VALUES (1, 7, '2024-01-01', 1), (2, 7, '2024-01-01', 2);`);
  const scanned = createGate();
  const other: PoolClient = await database().pool.connect();
  const cleaning = clean({
    keep: 'first',
    maxTxMs: 2000,
    onProgress: ({ phase }) => phase === 'delete' && scanned.open(),
  });
  // The scan reads what was committed before.
  await other.query('BEGIN');
  await other.query(statement);
  await scanned.pass();
  while ((await column(database(), WAITING)).length === 0);
  await other.query(end);
  other.release();
  return cleaning;
}

it.each<[direction: 'asc' | 'desc', ids: [kept: number, victim: number], value: number | null]>([
  ['asc', [2, 1], 5],
  ['desc', [1, 2], 5],
  ['desc', [1, 2], null],
])(
  'leaves both when the row that stays has come behind in the order (%s)',
  async (direction, ids, value) => {
    const [kept, victim] = ids;
    const { pool } = database();
    const best = direction === 'asc' ? 1 : 9;
    await pool.query(`
    CREATE TABLE readings (id int8 PRIMARY KEY, node int4, ts timestamptz, value float8);
    INSERT INTO readings VALUES (${kept}, 7, '2024-01-01', ${best}), (${victim}, 7, '2024-01-01', ${value});`);
    const stopped = new AbortController();
    const keep = { orderBy: 'value', direction };
    const stop = ({ phase }: { readonly phase: string }): void => {
      if (phase === 'delete') stopped.abort();
    };
    await clean({ keep, signal: stopped.signal, onProgress: stop });
    // Equal now, and the other one is the first of the two by its id.
    await pool.query(`UPDATE readings SET value = ${value} WHERE id = ${kept}`);

    const report = await clean({ keep });
    expect(report).toMatchObject({ resumed: true, deleted: 0, skipped: 1 });
    // The next scan finds the right one.
    await clean({ keep });
    expect(await left()).toEqual([victim]);
  },
);

const WAITING = `SELECT pid FROM pg_stat_activity
  WHERE wait_event_type = 'Lock' AND datname = current_database()`;

const left = (): Promise<unknown[]> =>
  column(database(), 'SELECT id::int4 FROM readings ORDER BY id');

it.each<[what: string, statement: string, end: 'COMMIT' | 'ROLLBACK', left: number[]]>([
  ['the row that stays is deleted', 'DELETE FROM readings WHERE id = 1', 'COMMIT', [2]],
  ['that is undone', 'DELETE FROM readings WHERE id = 1', 'ROLLBACK', [1]],
  ['it gets another key', 'UPDATE readings SET node = 8 WHERE id = 1', 'COMMIT', [1, 2]],
  ['it is updated otherwise', 'UPDATE readings SET value = 8 WHERE id = 1', 'COMMIT', [1]],
  ['a duplicate gets another key', 'UPDATE readings SET node = 8 WHERE id = 2', 'COMMIT', [1, 2]],
  ['a duplicate is updated otherwise', 'UPDATE readings SET value = 8 WHERE id = 2', 'COMMIT', [1]],
])('never deletes the last row of a key when %s meanwhile', async (_what, statement, end, rows) => {
  const report = await whileOpen(statement, end);

  expect(await left()).toEqual(rows);
  const deleted = 2 - rows.length - (statement.startsWith('DELETE') && end === 'COMMIT' ? 1 : 0);
  expect(report).toMatchObject({ duplicates: 1, deleted, skipped: 1 - deleted });
});

it('deletes a row that was updated meanwhile when it goes by ctid alone (negative control)', async () => {
  await database().pool.query(`
    CREATE TABLE readings (id int8, node int4);
    INSERT INTO readings VALUES (1, 7), (2, 7);
    CREATE TABLE victims AS SELECT max(ctid) AS place FROM readings;
    DELETE FROM readings WHERE id = 2;`);
  // Its place is free now, and is given to a row of another key.
  await database().pool.query('VACUUM readings');
  await database().pool.query('INSERT INTO readings VALUES (3, 8)');

  await database().pool.query('DELETE FROM readings AS t USING victims WHERE t.ctid = place');

  expect(await left()).toEqual([1]);
});

it('does not delete it by place, transaction and key', async () => {
  await database().pool.query(`
    CREATE TABLE readings (id int8, node int4, ts timestamptz DEFAULT '2024-01-01');
    INSERT INTO readings (id, node) VALUES (1, 7), (2, 7);`);
  const stopped = new AbortController();
  await clean({
    keep: 'first',
    signal: stopped.signal,
    onProgress: ({ phase }) => phase === 'delete' && stopped.abort(),
  });
  await database().pool.query('DELETE FROM readings WHERE id = 2');
  await database().pool.query('VACUUM readings');
  await database().pool.query('INSERT INTO readings (id, node) VALUES (3, 7)');
  expect(await column(database(), 'SELECT ctid::text FROM readings')).toEqual(['(0,1)', '(0,2)']);

  const report = await clean({ keep: 'first' });

  expect(report).toMatchObject({ resumed: true, deleted: 0, skipped: 1 });
  expect(await left()).toEqual([1, 3]);
});
