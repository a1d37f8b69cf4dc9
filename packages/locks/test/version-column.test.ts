import { createTestDatabase, type TestDatabase } from '@holdfast/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { updateVersioned } from '../src/rows/update-versioned.ts';
import { addVersionColumn, type VersionColumnOptions } from '../src/rows/version-column.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());

beforeEach(async () => {
  await database.pool.query(`
    drop table if exists items;
    create table items (id int primary key, value int not null default 0);
    insert into items (id) select generate_series(1, 1000)`);
});

async function migrate(options: VersionColumnOptions): Promise<void> {
  for (const statement of addVersionColumn(options)) await database.pool.query(statement);
}

async function first<Row>(text: string): Promise<Row> {
  const { rows } = await database.pool.query(text);
  return rows[0] as Row;
}

const change = (expected: number, value: number, table = 'items'): Promise<object> =>
  updateVersioned(database.pool, { table, id: 1, expected, set: { value } });

const version = async (): Promise<string> =>
  (await first<{ version: string }>('select version from items where id = 1')).version;

describe('addVersionColumn', () => {
  it('gives each row the version 1 without writing any', async () => {
    const place = `select pg_relation_filenode('items') as node, pg_relation_size('items') as size`;
    const before = await first(place);

    await migrate({ table: 'items' });

    expect(await first(place)).toEqual(before);
    expect(await first('select count(*), min(version), max(version) from items')).toEqual({
      count: '1000',
      min: '1',
      max: '1',
    });
    await expect(database.pool.query('update items set version = null')).rejects.toMatchObject({
      code: '23502',
    });
    await expect(change(1, 5)).resolves.toMatchObject({ version: '2' });
  });

  it('would write all rows with a default that differs from row to row, which is the control', async () => {
    const place = `select pg_relation_filenode('items') as node`;
    const before = await first(place);
    await database.pool.query('alter table items add version float not null default random()');
    expect(await first(place)).not.toEqual(before);
  });

  it('changes nothing the second time', async () => {
    await migrate({ table: 'items', type: 'integer', trigger: true });
    await change(1, 5);
    await migrate({ table: 'items', type: 'integer', trigger: true });
    expect(await version()).toBe(2);
    await expect(change(2, 6)).resolves.toMatchObject({ version: 3 });
  });

  it('takes names that need quoting', async () => {
    const versionColumn = `the "rev"; it's \\ $$`;
    await database.pool.query(`create schema "Odd ""one""";
      create table "Odd ""one"""."the; table" (id int primary key, value int);
      insert into "Odd ""one"""."the; table" values (1, 0)`);
    const names = { schema: 'Odd "one"', table: 'the; table', versionColumn };

    for (const setting of ['off', 'on']) {
      await database.pool.query(`alter role current_user in database ${databaseName()}
        set standard_conforming_strings = ${setting}`);
      const pool = database.createPool({ max: 1 });
      for (const statement of addVersionColumn({ ...names, trigger: true }))
        await pool.query(statement);
      await pool.query('update "Odd ""one"""."the; table" set value = value + 1');
    }

    await expect(
      updateVersioned(database.pool, { ...names, id: 1, expected: 3, set: { value: 5 } }),
    ).resolves.toEqual({ id: 1, value: 5, [versionColumn]: '4' });
  });

  it.each<[unknown, string]>([
    [undefined, 'options must be an object, got undefined'],
    [{ table: '' }, 'an identifier must be a non-empty string without NUL, got ""'],
    [
      { table: 't', schema: 'a\0' },
      'an identifier must be a non-empty string without NUL, got "a\\u0000"',
    ],
    [
      { table: 't', versionColumn: '' },
      'an identifier must be a non-empty string without NUL, got ""',
    ],
    [{ table: 't', type: 'text' }, 'type must be one of integer, bigint, got "text"'],
    [{ table: 't', trigger: 1 }, 'trigger must be a boolean, got 1'],
    [
      { table: 't', column: 'v' },
      'column is not an option of addVersionColumn; its options are table, schema, versionColumn, type, trigger',
    ],
    [
      { table: 't', versionColumn: 'v'.repeat(49), trigger: true },
      `versionColumn must have at most 48 bytes with a trigger, got "${'v'.repeat(49)}"`,
    ],
  ])('refuses %j', (options, message) => {
    expect(() => addVersionColumn(options as VersionColumnOptions)).toThrow(message);
  });
});

describe('the trigger', () => {
  it('counts for writers that know nothing of the version', async () => {
    await migrate({ table: 'items', trigger: true });

    await database.pool.query('update items set value = 7 where id = 1');

    await expect(change(1, 8)).rejects.toMatchObject({ code: 'VERSION_CONFLICT', actual: '2' });
    await database.pool.query(
      'insert into items values (1, 9) on conflict (id) do update set value = excluded.value',
    );
    expect(await version()).toBe('3');
  });

  it('is missed without it, which is the negative control: their change is lost', async () => {
    await migrate({ table: 'items' });

    await database.pool.query('update items set value = 7 where id = 1');

    await expect(change(1, 8)).resolves.toMatchObject({ value: 8, version: '2' });
  });

  it('does not count a second time for updateVersioned', async () => {
    await migrate({ table: 'items', trigger: true });
    await expect(change(1, 5)).resolves.toMatchObject({ version: '2' });
    await expect(change(2, 6)).resolves.toMatchObject({ version: '3' });
  });

  it('lets no writer set the version back, or forth', async () => {
    await migrate({ table: 'items', trigger: true });
    for (const [written, counted] of [
      [1, '2'],
      [1, '3'],
      [100, '4'],
    ] as const) {
      await database.pool.query('update items set version = $1 where id = 1', [written]);
      expect(await version()).toBe(counted);
    }
  });

  it('counts each of the changes of concurrent writers of both kinds', async () => {
    await migrate({ table: 'items', trigger: true });
    const unknowing = async (): Promise<void> => {
      for (let n = 0; n < 20; n += 1) {
        await database.pool.query('update items set value = value + 1 where id = 1');
      }
    };
    let changed = 0;
    const knowing = async (): Promise<void> => {
      for (let n = 0; n < 20; n += 1) {
        await change(Number(await version()), -1)
          .then(() => (changed += 1))
          .catch((error: unknown) => expect(error).toMatchObject({ code: 'VERSION_CONFLICT' }));
      }
    };

    await Promise.all([unknowing(), unknowing(), knowing(), knowing()]);

    expect(changed).toBeGreaterThan(0);
    expect(await version()).toBe(String(1 + 40 + changed));
  });
});

function databaseName(): string {
  return `"${new URL(database.url).pathname.slice(1)}"`;
}
