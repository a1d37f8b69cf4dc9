import { createTestDatabase, type TestDatabase } from '@holdfast/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { updateVersioned } from '../src/rows/update-versioned.ts';

interface Kind {
  readonly id: number;
  readonly version: number;
  readonly value: unknown;
}

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
  // A domain without NULL in the table: reading a value as the table's row must not trip over it.
  await database.pool.query('create domain filled as text not null');
});
afterAll(() => database.close());

async function createTable(type: string, value: string): Promise<Kind> {
  await database.pool.query(`drop table if exists kinds cascade;
    create table kinds (id int primary key, value ${type}, version int not null default 1,
      name filled default 'x', touched int);
    insert into kinds values (1, ${value})`);
  const { rows } = await database.pool.query<Kind>('select id, version, value from kinds');
  return rows[0]!;
}

describe('also takes what was read from', () => {
  // Each: the type, what is read, and what somebody else writes later.
  it.each([
    ['jsonb', `'"5"'`, `'5'`],
    ['jsonb', `'5'`, `'"5"'`],
    ['jsonb', `'"abc"'`, `'"abd"'`],
    ['jsonb', `'""'`, `'null'`],
    ['jsonb', `'"[1]"'`, `'[1]'`],
    ['jsonb', `'true'`, `'"true"'`],
    ['json', `'5'`, `'6'`],
    ['json', `'"abc"'`, `'"abd"'`],
    ['json', `'false'`, `'true'`],
    ['text', `'5'`, `'05'`],
    ['text', `'{"a": 1}'`, `'{"a":1}'`],
    ['int', '5', '6'],
    ['int8', '9007199254740993', '9007199254740992'],
    ['float8', `'NaN'`, `'Infinity'`],
    ['float8', `'-Infinity'`, `'Infinity'`],
    ['float8', '1e-7', '1e-8'],
    ['bool', 'true', 'false'],
    ['timestamptz', `'infinity'`, `'2026-01-01'`],
    ['text[]', `'{a,b}'`, `'{b,a}'`],
    ['filled', `'a'`, `'b'`],
  ])('a column of type %s that holds %s, until it is %s', async (type, read, later) => {
    const { value, version } = await createTable(type, read);
    const change = { table: 'kinds', id: 1, set: { touched: 1 }, also: { value } };

    const updated = updateVersioned<object>(database.pool, { ...change, expected: version });
    await expect(updated).resolves.toMatchObject({ version: 2 });
    await database.pool.query(`update kinds set value = ${later}`);
    const refused = updateVersioned<object>(database.pool, { ...change, expected: 2 });
    await expect(refused).rejects.toMatchObject({ code: 'VERSION_CONFLICT', actual: 2 });
  });

  it('a view', async () => {
    const { value } = await createTable('jsonb', `'"5"'`);
    await database.pool.query('create view seen as select * from kinds');
    const change = { table: 'seen', id: 1, set: { touched: 1 }, also: { value } };

    const updated = updateVersioned<object>(database.pool, { ...change, expected: 1 });
    await expect(updated).resolves.toMatchObject({ version: 2 });
  });
});

describe('set writes what was read from', () => {
  it.each([
    ['jsonb', `'[1, "2", [3], {"a": null}, true]'`],
    ['jsonb', `'[]'`],
    ['json', `'["a"]'`],
    ['jsonb', `'{"a": [1]}'`],
    ['text[]', `'{a,"b,c",NULL}'`],
    ['int[]', `'{{1,2},{3,4}}'`],
    ['int8[]', `'{9007199254740993}'`],
    ['float8[]', `'{NaN,1}'`],
    ['timestamptz[]', `'{2026-01-02 03:04:05.678Z}'`],
    ['timestamp[]', `'{2026-01-02 03:04:05.678}'`],
    ['bytea[]', String.raw`'{"\\x00ff"}'`],
    ['jsonb[]', `array['{"a": 1}', '[2]']::jsonb[]`],
    ['text', `'abc'`],
  ])('a column of type %s that holds %s', async (type, read) => {
    const { value } = await createTable(type, read);
    await database.pool.query('update kinds set value = null');

    const change = { table: 'kinds', id: 1, expected: 1, set: { value } };
    const updated = await updateVersioned<Kind>(database.pool, change);

    expect(updated.value).toEqual(value);
    const same = `select value::text = (${read}::${type})::text as "isSame" from kinds`;
    expect((await database.pool.query<object>(same)).rows).toEqual([{ isSame: true }]);
  });

  it('takes a text for JSON as JSON, as the driver does', async () => {
    await createTable('jsonb', 'null');
    const change = { table: 'kinds', id: 1, expected: 1, set: { value: '{"a": 1}' } };

    await expect(updateVersioned<object>(database.pool, change)).resolves.toMatchObject({
      value: { a: 1 },
    });
  });
});
