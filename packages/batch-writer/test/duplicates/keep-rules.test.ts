import type { KeepRule } from '../../src/duplicates/duplicates.ts';
import { removeDuplicates } from '../../src/duplicates/remove-duplicates.ts';
import { describe, expect, it } from 'vitest';
import { column, fillReadings, useDatabase, workTables } from './set-up.ts';

const database = useDatabase();

describe('which row stays', () => {
  const ids = (statement: string): Promise<unknown[]> => column(database(), statement);

  it.each<[string, KeepRule, string]>([
    ['the first', 'first', 'SELECT min(id) AS id FROM before GROUP BY node, ts'],
    ['the last', 'last', 'SELECT max(id) AS id FROM before GROUP BY node, ts'],
    [
      'the smallest of a column, the first of equals, NULLs at the end',
      { orderBy: 'value' },
      'SELECT DISTINCT ON (node, ts) id FROM before ORDER BY node, ts, value NULLS LAST, id',
    ],
    [
      'the largest of a column, the last of equals, NULLs at the end',
      { orderBy: 'value', direction: 'desc' },
      'SELECT DISTINCT ON (node, ts) id FROM before ORDER BY node, ts, value DESC NULLS LAST, id DESC',
    ],
  ])('is %s', async (_name, keep, oracle) => {
    await database().pool.query(`
      CREATE TABLE readings (node int4, id int8 PRIMARY KEY, ts timestamptz, value float8);
      INSERT INTO readings SELECT n % 37, n, '2024-01-01'::timestamptz + (n % 3) * interval '1 us',
        nullif((n * 7919) % 11, 5) FROM generate_series(1, 1000) AS n;
      CREATE TABLE before AS TABLE readings;`);
    const expected = await ids(`SELECT id FROM (${oracle}) AS kept ORDER BY id`);

    const report = await removeDuplicates({
      pool: database().pool,
      table: 'readings',
      key: ['node', 'ts'],
      keep,
      chunkRows: 100,
    });

    expect(await ids('SELECT id FROM readings ORDER BY id')).toEqual(expected);
    expect(report).toEqual({
      groups: 111,
      duplicates: 889,
      deleted: 889,
      skipped: 0,
      archived: 0,
      longestTxMs: expect.any(Number) as number,
      resumed: false,
      aborted: false,
    });
    expect(await workTables(database())).toEqual([]);
  });

  it('is the first by its place where there is no primary key', async () => {
    await database().pool.query(`
      CREATE TABLE t (k int4, n int4);
      INSERT INTO t VALUES (1, 1), (2, 2), (1, 3), (1, 4), (2, 5);`);

    const report = await removeDuplicates({
      ...{ pool: database().pool, table: 't', key: ['k'], keep: 'first' },
    });

    expect(report).toMatchObject({ groups: 2, duplicates: 3, deleted: 3 });
    expect(await ids('SELECT n FROM t ORDER BY n')).toEqual([1, 2]);
  });

  it('is one of all partitions', async () => {
    await database().pool.query(`
      CREATE TABLE t (k int4, n int4) PARTITION BY LIST (n);
      CREATE TABLE t1 PARTITION OF t FOR VALUES IN (1);
      CREATE TABLE t2 PARTITION OF t DEFAULT;
      INSERT INTO t VALUES (1, 1), (1, 2), (2, 2), (2, 3), (3, 1);`);

    await removeDuplicates({
      pool: database().pool,
      table: 't',
      key: ['k'],
      keep: { orderBy: 'n', direction: 'desc' },
    });

    expect(await ids(`SELECT k || ':' || n FROM t ORDER BY k`)).toEqual(['1:2', '2:3', '3:1']);
  });

  it('is one of a table and its children, whose primary keys know nothing of each other', async () => {
    await database().pool.query(`
      CREATE TABLE t (id int4 PRIMARY KEY, k int4);
      CREATE TABLE child (PRIMARY KEY (id)) INHERITS (t);
      INSERT INTO t VALUES (1, 1), (2, 2);
      INSERT INTO child VALUES (1, 1), (2, 3);`);

    const report = await removeDuplicates({
      ...{ pool: database().pool, table: 't', key: ['k'], keep: 'first' },
    });

    expect(report).toMatchObject({ deleted: 1 });
    expect(await ids('SELECT k FROM t ORDER BY k')).toEqual([1, 2, 3]);
  });
});

describe('which rows are duplicates', () => {
  it('are none with a NULL in the key, as a unique index sees it, unless NULLs are equal', async () => {
    await database().pool.query(`
      CREATE TABLE t (id int4 PRIMARY KEY, a int4, b int4);
      INSERT INTO t VALUES (1, 1, NULL), (2, 1, NULL), (3, NULL, NULL), (4, NULL, NULL), (5, 1, 1), (6, 1, 1);`);
    const clean = (nullsEqual: boolean) =>
      removeDuplicates({
        ...{ pool: database().pool, table: 't', key: ['a', 'b'], keep: 'first', nullsEqual },
      });

    expect(await clean(false)).toMatchObject({ groups: 1, deleted: 1 });
    expect(await clean(true)).toMatchObject({ groups: 2, deleted: 2 });
    expect(await column(database(), 'SELECT id FROM t ORDER BY id')).toEqual([1, 3, 5]);
  });

  it('are those that meet the condition, which may end in a comment', async () => {
    await fillReadings(database());

    const report = await removeDuplicates({
      pool: database().pool,
      table: 'readings',
      key: ['node'],
      keep: 'last',
      where: 't.node < 10 AND value > 1000 -- the new ones',
    });

    expect(report).toMatchObject({ groups: 10, deleted: 40 });
    expect(await column(database(), 'SELECT count(*)::int4 FROM readings')).toEqual([1960]);
  });
});

describe('names', () => {
  it('may be any', async () => {
    await database().pool.query(`
      CREATE SCHEMA "my schema";
      CREATE TABLE "my schema"."a""b.c" ("hf d0" int4 PRIMARY KEY, "kept" int4, "chunk" text);
      INSERT INTO "my schema"."a""b.c" VALUES (1, 1, 'x'), (2, 1, 'x'), (3, 2, 'x');`);

    const report = await removeDuplicates({
      ...{ pool: database().pool, schema: 'my schema', table: 'a"b.c' },
      ...{ key: ['kept', 'chunk'], keep: 'first', archiveTo: 'gone' },
    });

    expect(report).toMatchObject({ deleted: 1, archived: 1 });
    expect(await column(database(), 'SELECT "hf d0" FROM "my schema".gone')).toEqual([2]);
  });
});
