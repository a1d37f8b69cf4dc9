import { isHoldfastError } from '@holdfast/internal';
import { createTestDatabase, type TestDatabase } from '@holdfast/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createLocks, updateVersioned, type VersionConflictError } from '../src/index.ts';

interface Row {
  readonly id: string;
  readonly name: string | null;
  readonly value: number;
  readonly version: string;
}

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
  await database.pool.query(`
    create table items (
      id bigint primary key, name text, value int not null default 0, version bigint not null default 1
    );
    create schema "Odd ""one""";
    create table "Odd ""one"""."the; table" ("Key" text primary key, "select" int, rev int not null);
    create table unversioned (id int primary key, value int)`);
});
afterAll(() => database.close());

beforeEach(async () => {
  await database.pool.query(`
    truncate items; insert into items (id, name) values (1, 'one'), (2, 'two');
    truncate "Odd ""one"""."the; table"; insert into "Odd ""one"""."the; table" values ('k', 1, 7);
    truncate unversioned; insert into unversioned values (1, 0)`);
});

const change = (expected: number | bigint | string, set: Partial<Row>, id: string | number = 1) =>
  updateVersioned<Row>(database.pool, { table: 'items', id, expected, set });

describe('updateVersioned', () => {
  it('changes the named columns, counts the version up and answers with the row', async () => {
    await expect(change(1, { name: 'new', value: 5 })).resolves.toEqual({
      id: '1',
      name: 'new',
      value: 5,
      version: '2',
    });
    await expect(change('2', { name: null })).resolves.toMatchObject({ name: null, version: '3' });
    await expect(change(3n, { value: 6 })).resolves.toMatchObject({ version: '4' });
  });

  it('refuses a stale version, with the row as it is now', async () => {
    await change(1, { name: 'first' });

    const error = await change(1, { name: 'second' }).catch((reason: unknown) => reason);

    const current = { id: '1', name: 'first', value: 0, version: '2' };
    expect(error).toMatchObject({ code: 'VERSION_CONFLICT', expected: 1, actual: '2', current });
    expect((error as VersionConflictError).message).toBe(
      'row 1 of items was changed: expected version 1, found 2',
    );
    expect((await database.pool.query('select * from items where id = 1')).rows).toEqual([current]);
  });

  it('tells a row that is gone from one that was changed', async () => {
    await expect(change(1, { value: 1 }, 99)).rejects.toMatchObject({
      code: 'ROW_GONE',
      table: 'items',
      id: 99,
    });
  });

  it('loses no update of eight concurrent writers that read again after a conflict', async () => {
    const add = async (): Promise<void> => {
      for (;;) {
        const { rows } = await database.pool.query<Row>('select * from items where id = 2');
        const [row] = rows;
        if (row === undefined) throw new Error('no row');
        try {
          await change(row.version, { value: row.value + 1 }, 2);
          return;
        } catch (error) {
          if (!isHoldfastError(error, 'VERSION_CONFLICT')) throw error;
        }
      }
    };

    await Promise.all(Array.from({ length: 8 * 10 }, add));

    const { rows } = await database.pool.query('select value, version from items where id = 2');
    expect(rows).toEqual([{ value: 80, version: '81' }]);
  });

  it('would lose updates without the version, which is the negative control', async () => {
    const add = async (): Promise<void> => {
      const { rows } = await database.pool.query<Row>('select value from items where id = 2');
      const value = (rows[0]?.value ?? NaN) + 1;
      await database.pool.query('update items set value = $1 where id = 2', [value]);
    };

    await Promise.all(Array.from({ length: 80 }, add));

    const { rows } = await database.pool.query<Row>('select value from items where id = 2');
    expect(rows[0]?.value).toBeLessThan(80);
  });

  it('takes names that need quoting', async () => {
    await expect(
      updateVersioned<{ select: number; rev: number }>(database.pool, {
        schema: 'Odd "one"',
        table: 'the; table',
        idColumn: 'Key',
        versionColumn: 'rev',
        id: 'k',
        expected: 7,
        set: { select: 9 },
      }),
    ).resolves.toEqual({ Key: 'k', select: 9, rev: 8 });
  });

  it('works inside a locked transaction, and rolls back with it', async () => {
    const locks = createLocks({ db: database.pool, namespace: 'test' });

    await locks
      .withAdvisoryLock('items', async (tx) => {
        await updateVersioned<Row>(tx, { table: 'items', id: 1, expected: 1, set: { value: 1 } });
        throw new Error('undo');
      })
      .catch(() => undefined);

    await expect(change(1, { value: 2 })).resolves.toMatchObject({ value: 2, version: '2' });
  });

  it('says that the version column is missing, and passes on what else the database says', async () => {
    await expect(
      updateVersioned(database.pool, {
        table: 'unversioned',
        id: 1,
        expected: 1,
        set: { value: 1 },
      }),
    ).rejects.toMatchObject({
      code: 'VERSION_COLUMN_MISSING',
      message: 'unversioned has no column "version": add it, or name the column with versionColumn',
    });
    await expect(
      updateVersioned(database.pool, { table: 'nowhere', id: 1, expected: 1, set: { a: 1 } }),
    ).rejects.toMatchObject({ code: '42P01' });
    await expect(
      updateVersioned(database.pool, { table: 'items', id: 1, expected: 1, set: { a: 1 } }),
    ).rejects.toMatchObject({ code: '42703' });
  });
});
