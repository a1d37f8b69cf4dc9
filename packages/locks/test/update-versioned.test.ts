import { createTestDatabase, type TestDatabase } from '@holdfast/testkit';
import { CamelCasePlugin, Kysely, PostgresDialect } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { withOptimisticRetry } from '../src/rows/optimistic-retry.ts';
import type { Queryable } from '../src/ports.ts';
import { VersionConflictError } from '../src/rows/row-errors.ts';
import { updateVersioned, type VersionedChange } from '../src/rows/update-versioned.ts';

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
    create view items_view as select * from items;
    create schema "Odd ""one""";
    create table "Odd ""one"""."the; table" ("Key" text primary key, "select" int, rev int not null);
    create table unversioned (id int primary key, value int);
    create table guarded (id int primary key, value int not null default 0, version int not null default 1);
    create function refuse() returns trigger language plpgsql as 'begin return null; end';
    create trigger refuse before update on guarded for each row
      when (new.value = 13) execute function refuse();
    create table policed (id int primary key, value int not null default 0, version int not null default 1);
    alter table policed enable row level security;
    create policy visible on policed for select using (id < 3);
    create policy writable on policed for update using (id < 2)`);
});
afterAll(() => database.close());

beforeEach(async () => {
  await database.pool.query(`
    truncate items; insert into items (id, name) values (1, 'one'), (2, 'two');
    truncate "Odd ""one"""."the; table"; insert into "Odd ""one"""."the; table" values ('k', 1, 7);
    truncate unversioned; insert into unversioned values (1, 0);
    truncate guarded; insert into guarded values (1);
    truncate policed; insert into policed values (1), (2), (3)`);
});

const change = (
  expected: number | bigint | string,
  set: Partial<Row>,
  id: string | number = 1,
  db: Queryable = database.pool,
) => updateVersioned<Row>(db, { table: 'items', id, expected, set });

const select = async (text: string): Promise<unknown[]> =>
  (await database.pool.query<object>(text)).rows;

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

describe('updateVersioned, when a writer is at work on the row', () => {
  /** Starts the change while `writing` is uncommitted, and commits once the change waits for it. */
  async function during(
    writing: string,
    wanted: Partial<VersionedChange<Row>> = {},
    begin = 'begin',
  ) {
    const [writer, mine] = [await database.pool.connect(), await database.pool.connect()];
    const { processID } = mine as unknown as { processID: number };
    try {
      await mine.query(begin);
      if (begin !== 'begin') await mine.query('select 1');
      await writer.query('begin');
      await writer.query(writing);
      const changing = updateVersioned<Row>(mine, {
        table: 'items',
        id: 1,
        expected: 1,
        set: { value: 5 },
        ...wanted,
      }).catch((reason: unknown) => reason);
      const waiting = `select 1 from pg_stat_activity
        where pid = ${processID} and wait_event_type = 'Lock'`;
      await expect.poll(() => select(waiting), { interval: 2 }).toHaveLength(1);
      await writer.query('commit');
      const outcome = await changing;
      await mine.query(outcome instanceof Error && 'severity' in outcome ? 'rollback' : 'commit');
      return outcome;
    } finally {
      // Destroyed: whatever has failed, no transaction stays open.
      writer.release(true);
      mine.release(true);
    }
  }

  it('reports the version that it committed, not the one that the statement began with', async () => {
    const outcome = await during(`update items set name = 'his', version = 2 where id = 1`);
    expect(outcome).toMatchObject({
      code: 'VERSION_CONFLICT',
      actual: '2',
      current: { name: 'his', value: 0 },
    });
  });

  it('reports a column of `also` that it has changed, though the version is the same', async () => {
    const outcome = await during(`update items set name = 'his' where id = 1`, {
      also: { name: 'one' },
    });
    expect(outcome).toMatchObject({
      code: 'VERSION_CONFLICT',
      actual: '1',
      current: { name: 'his' },
      message: 'row 1 of items was changed: it has version 1 still, but a column of `also` differs',
    });
  });

  it('changes the row that it has left as it was expected', async () => {
    const outcome = await during(`update items set name = 'his' where id = 1`);
    expect(outcome).toMatchObject({ name: 'his', value: 5, version: '2' });
  });

  it('reports a row that it has deleted as gone', async () => {
    await expect(during('delete from items where id = 1')).resolves.toMatchObject({
      code: 'ROW_GONE',
    });
  });

  it('finds a row that it has deleted and put back', async () => {
    const put = (version: number): string =>
      `with gone as (delete from items where id = 1 returning id) select 1 from gone;
       insert into items values (1, 'again', 0, ${version})`;
    await expect(during(put(8))).resolves.toMatchObject({
      actual: '8',
      current: { name: 'again' },
    });
    await database.pool.query('update items set version = 1 where id = 1');
    await expect(during(put(1))).resolves.toMatchObject({ name: 'again', value: 5, version: '2' });
  });

  it.each(['repeatable read', 'serializable'])('rejects with 40001 at %s', async (level) => {
    const writing = 'update items set version = 2 where id = 1';
    await expect(during(writing, {}, `begin isolation level ${level}`)).resolves.toMatchObject({
      code: '40001',
    });
  });

  it('does not wait for it when the version is stale already', async () => {
    const impatient = database.createPool({ lock_timeout: 1_000 });
    const writer = await database.pool.connect();
    try {
      await writer.query('begin');
      await writer.query('update items set value = 1 where id = 1');

      await expect(change(0, { value: 2 }, 1, impatient)).rejects.toMatchObject({ actual: '1' });
    } finally {
      writer.release(true);
    }
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

describe('sixteen writers of one row', () => {
  const WRITERS = 16;
  const ADDITIONS = 25;

  async function add(write: (row: Row) => Promise<unknown>): Promise<number> {
    const pool = database.pool;
    const addOften = async (): Promise<void> => {
      for (let n = 0; n < ADDITIONS; n += 1) {
        await withOptimisticRetry(
          async () => {
            const { rows } = await pool.query<Row>('select * from items where id = 2');
            await write(rows[0]!);
          },
          { attempts: 1_000 },
        );
      }
    };
    await Promise.all(Array.from({ length: WRITERS }, addOften));
    const { rows } = await pool.query<Row>('select * from items where id = 2');
    return rows[0]!.value;
  }

  it('lose no update', async () => {
    const sum = await add(({ version, value }) => change(version, { value: value + 1 }, 2));
    expect(sum).toBe(WRITERS * ADDITIONS);
  });

  it('lose updates without the version, which is the negative control', async () => {
    const sum = await add(({ value }) =>
      database.pool.query('update items set value = $1 where id = 2', [value + 1]),
    );
    expect(sum).toBeLessThan(WRITERS * ADDITIONS);
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
