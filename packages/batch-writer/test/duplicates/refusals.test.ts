import { createTestDatabase } from '@holdfast/testkit';
import { describe, expect, it } from 'vitest';
import type { RemoveDuplicatesOptions } from '../../src/duplicates/duplicates.ts';
import { removeDuplicates } from '../../src/duplicates/remove-duplicates.ts';
import { column, fillReadings, useDatabase, workTables } from './set-up.ts';

const database = useDatabase();

const clean = (options: Partial<RemoveDuplicatesOptions>): ReturnType<typeof removeDuplicates> =>
  removeDuplicates({
    ...{ pool: database().pool, table: 'readings', key: ['node', 'ts'], keep: 'first' },
    ...options,
  });

describe('what cannot be cleaned up is refused before anything is written', () => {
  it.each<[what: string, options: Partial<RemoveDuplicatesOptions>, code: string, message: RegExp]>(
    [
      ['an unknown table', { table: 'nothing' }, 'TABLE_MISMATCH', /"nothing": there is no such/],
      ['a column of the key', { key: ['node', 'at'] }, 'TABLE_MISMATCH', /no column "at"/],
      ['the order', { keep: { orderBy: 'at' } }, 'TABLE_MISMATCH', /there is no column "at"/],
      ['the condition', { where: 'at > 1' }, 'TABLE_MISMATCH', /column "at" does not exist/],
      ['bad SQL', { where: ')' }, 'DUPLICATES_REFUSED', /syntax error .*42601/],
      ['a view', { table: 'seen' }, 'DUPLICATES_REFUSED', /no ordinary or partitioned table/],
      ['a type without an order', { key: ['doc'], table: 'docs' }, 'DUPLICATES_REFUSED', /json/],
      ['an archive without a column', { archiveTo: 'docs' }, 'TABLE_MISMATCH', /no column "id"/],
      ['a work table of others', { workTable: 'docs' }, 'DUPLICATES_REFUSED', /"docs" is there/],
      [
        'an index of a partitioned table',
        { table: 'parts', thenUniqueIndex: { name: 'i' } },
        'DUPLICATES_REFUSED',
        /CONCURRENTLY/,
      ],
      [
        'a table that cascades to itself',
        { table: 'tree', key: ['name'] },
        'DUPLICATES_REFUSED',
        /CASCADE/,
      ],
      [
        'one that does so by another',
        { table: 'owners', key: ['name'] },
        'DUPLICATES_REFUSED',
        /CASCADE/,
      ],
      [
        'an index of another kind',
        { thenUniqueIndex: { name: 'readings_pkey' } },
        'DUPLICATES_REFUSED',
        /"readings_pkey" is there/,
      ],
    ],
  )('%s', async (_what, options, code, message) => {
    await fillReadings(database());
    await database().pool.query(`
      CREATE VIEW seen AS TABLE readings;
      CREATE TABLE docs (doc json);
      CREATE TABLE tree (id int4 PRIMARY KEY, name text, parent int4 REFERENCES tree ON DELETE CASCADE);
      INSERT INTO tree VALUES (2, 'a', NULL), (1, 'a', 2);
      CREATE TABLE owners (id int4 PRIMARY KEY, name text, first int4);
      CREATE TABLE owned (id int4 PRIMARY KEY, owner int4 REFERENCES owners ON DELETE CASCADE);
      ALTER TABLE owners ADD FOREIGN KEY (first) REFERENCES owned ON DELETE CASCADE;
      CREATE TABLE parts (node int4, ts timestamptz) PARTITION BY LIST (node);`);

    await expect(clean(options)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message) as string,
    });
    expect(await column(database(), 'SELECT count(*)::int4 FROM readings')).toEqual([2000]);
    expect(await workTables(database())).toEqual([]);
  });
});

it('counts on a server that may only read, and refuses to clean up there', async () => {
  await fillReadings(database());
  const pool = database().createPool({ options: '-c default_transaction_read_only=on' });

  await expect(clean({ pool })).rejects.toMatchObject({ code: 'SERVER_READ_ONLY' });
  expect(await clean({ pool, dryRun: true })).toMatchObject({ groups: 200, duplicates: 1800 });
});

it('says that the pool is closed', async () => {
  const other = await createTestDatabase();
  await other.close();

  await expect(clean({ pool: other.pool })).rejects.toMatchObject({ code: 'POOL_CLOSED' });
});

it('passes on what a foreign key says, and deletes nothing of that chunk', async () => {
  await fillReadings(database());
  await database().pool.query(`
    CREATE TABLE notes (reading int8 REFERENCES readings);
    INSERT INTO notes VALUES (1999);`);

  await expect(clean({})).rejects.toMatchObject({
    code: 'DUPLICATES_REFUSED',
    message: expect.stringMatching(/violates foreign key.*23503/) as string,
  });
  expect(await column(database(), 'SELECT count(*)::int4 FROM readings WHERE id = 1999')).toEqual([
    1,
  ]);
});

it('passes on which table a trigger misses, and does not take it for its own', async () => {
  await fillReadings(database());
  await database().pool.query(`
    CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      INSERT INTO nowhere VALUES (OLD.id); RETURN OLD;
    END $$;
    CREATE TRIGGER tell BEFORE DELETE ON readings FOR EACH ROW EXECUTE FUNCTION tell();`);

  await expect(clean({})).rejects.toMatchObject({
    code: 'DUPLICATES_REFUSED',
    message: expect.stringContaining('"nowhere"') as string,
  });
});

it.each<[options: object, message: string]>([
  [{ tables: 'x' }, 'tables is not an option of removeDuplicates'],
  [{ key: [] }, 'key must be an array of at least one column'],
  [{ key: ['a', 'a'] }, 'key must not name a column twice'],
  [{ keep: 'newest' }, 'keep must be "first", "last" or { orderBy, direction }, got "newest"'],
  [{ keep: { orderBy: 'a', direction: 'up' } }, 'keep.direction must be one of asc, desc'],
  [{ chunkRows: 0 }, 'chunkRows must be an integer from 1 to 1000000, got 0'],
  [{ archiveTo: 'a.b.c' }, 'archiveTo must be table or schema.table, got "a.b.c"'],
  [{ where: 'true', thenUniqueIndex: { name: 'i' } }, 'thenUniqueIndex cannot stand with where'],
  [{ pool: {} }, 'pool.connect must be a function'],
])('throws at once for %j', (options, message) => {
  expect(() => clean(options as Partial<RemoveDuplicatesOptions>)).toThrow(message);
});
