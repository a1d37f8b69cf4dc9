import { createTestDatabase, type TestDatabase } from '@holdfast/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { updateVersioned } from '../src/rows/update-versioned.ts';

interface Kind {
  readonly id: number;
  readonly version: number;
  readonly 'the "value"': unknown;
}

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());

// Each: the type, what is written, and what somebody else writes later.
it.each([
  ['timestamptz', `'2026-01-02 03:04:05.678901+02'`, `'2026-01-02 03:04:05.679+02'`],
  ['timestamptz', `'1969-12-31 23:59:59.000999Z'`, `'1969-12-31 23:59:59.001Z'`],
  ['timestamptz', `'infinity'`, `'-infinity'`],
  ['timestamp', `'2026-01-02 03:04:05.678901'`, `'2026-01-02 03:04:06.678901'`],
  ['date', `'2026-01-02'`, `'2026-01-03'`],
  ['time', `'03:04:05.678901'`, `'03:04:05.678902'`],
  ['interval', `'1 day 2 hours 3.000004 seconds'`, `'1 day 2 hours 3.000005 seconds'`],
  ['float8', '0.1::float8 + 0.2::float8', '0.3'],
  ['float8', `'NaN'`, '0'],
  ['float4', '0.1', '0.2'],
  ['numeric', '1.50', '1.51'],
  ['int8', '9007199254740993', '9007199254740992'],
  ['text', `''`, 'null'],
  ['text', 'null', `''`],
  ['char(3)', `'a'`, `'b'`],
  ['bool', 'false', 'null'],
  ['uuid', `'b3c5d6e7-0000-4000-8000-00000000000a'`, 'null'],
  ['bytea', String.raw`'\x00ff'`, String.raw`'\x00fe'`],
  [
    'jsonb',
    `'{"b": [1, 2.50, {"c": null}], "a": "x"}'`,
    `'{"b": [1, 2.51, {"c": null}], "a": "x"}'`,
  ],
  ['jsonb', `'[1, "2", [3]]'`, `'[1, 2, [3]]'`],
  ['jsonb', `'null'`, `'0'`],
  ['json', `'{"b": 1, "a": [2]}'`, `'{"b": 1, "a": [3]}'`],
  ['json', `'null'`, `'0'`],
  ['int[]', `'{1, 2}'`, `'{2, 1}'`],
  ['int8[]', `'{9007199254740993}'`, `'{9007199254740992}'`],
  ['text[]', `'{"a,b", NULL, "NULL"}'`, `'{"a,b", NULL, NULL}'`],
  ['int4range', `'[1,5)'`, `'[1,6)'`],
] as const)(
  'a column of type %s that holds %s is unchanged until it is %s',
  async (type, read, later) => {
    // The session's time zone is not this process's: a date must not depend on either.
    const pool = database.createPool({ max: 1, options: '-c TimeZone=America/Adak' });
    await pool.query(`drop table if exists kinds;
    create table kinds (id int primary key, "the ""value""" ${type}, version int not null default 1);
    insert into kinds values (1, ${read})`);
    const { rows } = await pool.query<Kind>('select * from kinds');
    const { id, version, ...also } = rows[0]!;
    const change = { table: 'kinds', id, set: { touched: true }, also };
    await pool.query('alter table kinds add touched boolean');

    await expect(
      updateVersioned<object>(pool, { ...change, expected: version }),
    ).resolves.toMatchObject({
      version: 2,
    });

    await pool.query(`update kinds set "the ""value""" = ${later}`);
    await expect(updateVersioned<object>(pool, { ...change, expected: 2 })).rejects.toMatchObject({
      code: 'VERSION_CONFLICT',
      actual: 2,
    });
    await pool.end();
  },
);

it('compares a text of the caller to the last microsecond', async () => {
  const { pool } = database;
  await pool.query(`create table seen (id int primary key, at timestamptz, version int default 1);
    insert into seen values (1, '2026-01-02 03:04:05.678901Z')`);
  const change = { table: 'seen', id: 1, expected: 1, set: { at: null } };

  await expect(
    updateVersioned<object>(pool, {
      ...change,
      also: { at: '2026-01-02 03:04:05.678902Z' },
    }),
  ).rejects.toMatchObject({ code: 'VERSION_CONFLICT' });
  await expect(
    updateVersioned<object>(pool, {
      ...change,
      also: { at: '2026-01-02 03:04:05.678901Z' },
    }),
  ).resolves.toMatchObject({ version: 2 });
});
