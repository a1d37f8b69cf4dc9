import { expect, it } from 'vitest';
import { removeDuplicates } from '../../src/duplicates/remove-duplicates.ts';
import { column, useDatabase } from './set-up.ts';

const database = useDatabase();

/** The types are in a schema that is not in the search path, so that `=` alone does not find their operators. */
const TABLE = `
  CREATE SCHEMA kit;
  CREATE EXTENSION citext SCHEMA kit;
  CREATE DOMAIN kit.label AS kit.citext;
  CREATE TYPE kit.level AS ENUM ('low', 'high');`;

it('finds the operators of a type that lives in a schema of its own', async () => {
  await database().pool.query(`${TABLE}
    CREATE TABLE notes (id int4 PRIMARY KEY, name kit.citext, level kit.level);
    INSERT INTO notes VALUES (1, 'a', 'low'), (2, 'A', 'low'), (3, 'a', 'high'), (4, 'b', 'low'), (5, 'B', 'low');`);

  const report = await removeDuplicates({
    ...{ pool: database().pool, table: 'notes', key: ['name', 'level'], keep: 'first' },
    thenUniqueIndex: { name: 'notes_key' },
  });

  expect(report).toMatchObject({ groups: 2, duplicates: 2, deleted: 2, skipped: 0 });
  expect(report.index).toBe('created');
  expect(await column(database(), 'SELECT id FROM notes ORDER BY id')).toEqual([1, 3, 4]);
});

it.each([
  ['asc', [1, 3, 5]],
  ['desc', [2, 4, 5]],
] as const)(
  'orders by such a type, by a domain over it, and by an identity of it (%s)',
  async (direction, left) => {
    await database().pool.query(`${TABLE}
    CREATE TABLE notes (place kit.label, part int4, n int4, name kit.label, rank kit.citext, PRIMARY KEY (place, part));
    INSERT INTO notes VALUES ('P', 1, 1, 'a', 'x'), ('p', 2, 2, 'A', 'X'),
      ('q', 1, 3, NULL, 'B'), ('R', 1, 4, NULL, 'c'), ('s', 1, 5, 'z', NULL);`);

    const report = await removeDuplicates({
      ...{ pool: database().pool, table: 'notes', key: ['name'], nullsEqual: true },
      keep: { orderBy: 'rank', direction },
    });

    expect(report).toMatchObject({ duplicates: 2, deleted: 2, skipped: 0 });
    expect(await column(database(), 'SELECT n FROM notes ORDER BY n')).toEqual(left);
  },
);

it('takes the operators that the sort takes, whatever the type', async () => {
  await database().pool.query(`${TABLE}
    CREATE TYPE kit.pair AS (a int4, b kit.citext);
    CREATE TABLE notes (v varchar(5), c char(5), a kit.citext[], r int4range, p kit.pair, i cidr, u uuid, n name, b bit(3));
    INSERT INTO notes SELECT 'a', 'b', ARRAY['x', upper('y')]::kit.citext[], '[1,2)', '(1,k)', '10.0.0.0/8',
      '00000000-0000-0000-0000-000000000001', 'n', B'101' FROM generate_series(1, 3);`);

  for (const key of ['v', 'c', 'a', 'r', 'p', 'i', 'u', 'n', 'b']) {
    const report = await removeDuplicates({
      ...{ pool: database().pool, table: 'notes', key: [key], keep: 'last' },
    });
    expect(report, key).toMatchObject({ duplicates: 2, deleted: 2, skipped: 0 });
    await database().pool.query('INSERT INTO notes SELECT n.* FROM notes n, generate_series(1, 2)');
  }
});
