import { CamelCasePlugin, Kysely, PostgresDialect } from 'kysely';
import { beforeEach, describe, expect, it } from 'vitest';
import { VersionConflictError } from '../src/rows/row-errors.ts';
import { updateVersioned } from '../src/rows/update-versioned.ts';
import { change, database, select, useItems } from './update-versioned-set-up.ts';

useItems();

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
    expect(await select('select * from items where id = 1')).toEqual([current]);
  });

  it('tells a row that is gone from one that was changed', async () => {
    await expect(change(1, { value: 1 }, 99)).rejects.toMatchObject({
      code: 'ROW_GONE',
      table: 'items',
      id: 99,
    });
  });

  it('keeps every digit of a version and an id beyond 2^53', async () => {
    const [id, version] = ['9007199254740993', '9007199254740995'];
    await database.pool.query('insert into items values ($1, null, 0, $2)', [id, version]);

    await expect(change('9007199254740994', { value: 1 }, id)).rejects.toMatchObject({
      actual: version,
    });
    await expect(change(BigInt(version), { value: 1 }, id)).resolves.toMatchObject({
      id,
      version: '9007199254740996',
    });
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
        also: { select: 1 },
      }),
    ).resolves.toEqual({ Key: 'k', select: 9, rev: 8 });
  });

  it('works through a view', async () => {
    const through = { table: 'items_view', id: 1, expected: 1, set: { value: 3 } };
    await expect(updateVersioned(database.pool, through)).resolves.toMatchObject({ version: '2' });
    await expect(updateVersioned(database.pool, through)).rejects.toMatchObject({
      code: 'VERSION_CONFLICT',
    });
  });

  it('says that the version column is missing, and passes on what else the database says', async () => {
    const table = 'unversioned';
    await expect(
      updateVersioned(database.pool, { table, id: 1, expected: 1, set: { value: 1 } }),
    ).rejects.toMatchObject({
      code: 'VERSION_COLUMN_MISSING',
      message: 'unversioned has no column "version": add it, or name the column with versionColumn',
    });
    // Longer names that begin alike are others.
    await expect(
      updateVersioned(database.pool, {
        table: 'items',
        id: 1,
        expected: 1,
        set: { 'version"s': 1 },
      }),
    ).rejects.toMatchObject({ code: '42703' });
    await expect(
      updateVersioned(database.pool, { table: 'nowhere', id: 1, expected: 1, set: { a: 1 } }),
    ).rejects.toMatchObject({ code: '42P01' });
    await expect(
      updateVersioned(database.pool, { table: 'items', id: 1, expected: 1, set: { a: 1 } }),
    ).rejects.toMatchObject({ code: '42703' });
  });

  it('works inside a transaction, which can go on after a conflict and rolls back with it', async () => {
    const client = await database.pool.connect();
    try {
      await client.query('begin');
      await change(1, { value: 1 }, 1, client);
      await expect(change(1, { value: 2 }, 1, client)).rejects.toMatchObject({ actual: '2' });
      await change(2, { value: 3 }, 1, client);
      await client.query('rollback');
    } finally {
      client.release(true);
    }

    await expect(change(1, { value: 2 })).resolves.toMatchObject({ value: 2, version: '2' });
  });
});

describe('updateVersioned, when the database holds the update back', () => {
  it('says so when a trigger does', async () => {
    const guarded = { table: 'guarded', id: 1, expected: 1, set: { value: 13 } };
    await expect(updateVersioned(database.pool, guarded)).rejects.toMatchObject({
      code: 'UPDATE_SUPPRESSED',
      table: 'guarded',
      id: 1,
    });
    expect(await select('select * from guarded')).toEqual([{ id: 1, value: 0, version: 1 }]);
    await expect(updateVersioned(database.pool, { ...guarded, expected: 2 })).rejects.toMatchObject(
      { code: 'VERSION_CONFLICT' },
    );
  });

  it('says so when a policy does, and knows nothing of a row that is hidden', async () => {
    const client = await database.pool.connect();
    try {
      await client.query('begin');
      // Roles belong to the whole server: this one ends with the transaction.
      const role = `reader_${process.pid}_${Date.now()}`;
      await client.query(`create role ${role}; grant select, update on policed to ${role};
        set local role ${role}`);
      const policed = (id: number): Promise<object> =>
        updateVersioned(client, { table: 'policed', id, expected: 1, set: { value: 1 } });
      await expect(policed(1)).resolves.toMatchObject({ version: 2 });
      await expect(policed(2)).rejects.toMatchObject({ code: 'UPDATE_SUPPRESSED' });
      await expect(policed(3)).rejects.toMatchObject({ code: 'ROW_GONE' });
    } finally {
      await client.query('rollback');
      client.release();
    }
  });
});

describe('updateVersioned over Kysely', () => {
  // Not destroyed: it would end the pool.
  const create = (): Kysely<unknown> =>
    new Kysely<unknown>({
      dialect: new PostgresDialect({ pool: database.pool }),
      plugins: [new CamelCasePlugin()],
    });

  beforeEach(async () => {
    await database.pool.query(`create table if not exists zones
      (zone_id int primary key, set_point int not null, row_version int not null default 1);
      truncate zones; insert into zones values (7, 20)`);
  });

  const zone = { table: 'zones', idColumn: 'zone_id', versionColumn: 'row_version', id: 7 };

  it('finds the columns by the names of the database, whatever the plugins of the instance', async () => {
    const kysely = create();

    await expect(
      updateVersioned(kysely, { ...zone, expected: 1, set: { set_point: 21 } }),
    ).resolves.toEqual({ zone_id: 7, set_point: 21, row_version: 2 });
    await expect(
      updateVersioned(kysely, { ...zone, expected: 1, set: { set_point: 22 } }),
    ).rejects.toMatchObject({ code: 'VERSION_CONFLICT', actual: 2, current: { set_point: 21 } });
    await expect(
      updateVersioned(kysely, {
        ...zone,
        versionColumn: 'rev',
        expected: 1,
        set: { set_point: 2 },
      }),
    ).rejects.toMatchObject({ code: 'VERSION_COLUMN_MISSING' });
  });

  it('takes part in its transactions', async () => {
    const kysely = create();
    const undo = new Error('undo');
    await kysely
      .transaction()
      .execute(async (tx) => {
        await updateVersioned(tx, { ...zone, expected: 1, set: { set_point: 1 } });
        throw undo;
      })
      .catch((error: unknown) => expect(error).toBe(undo));

    expect(await select('select * from zones')).toEqual([
      { zone_id: 7, set_point: 20, row_version: 1 },
    ]);
  });
});
