import { CamelCasePlugin, Kysely, PostgresDialect } from 'kysely';
import { describe, expect, it } from 'vitest';
import { createLocks } from '../src/create-locks.ts';
import { withRowLock, type RowGap } from '../src/rows/row-lock.ts';
import { begin, database, idsOf, isWaiting, take, useItems } from './row-lock-set-up.ts';

useItems();

describe('withRowLock', () => {
  it('calls fn with the rows in the order of the ids, each once, and holds them until the transaction ends', async () => {
    const [mine, other] = [await begin(), await begin()];

    const { rows, gap } = await take(mine, { ids: [7, 3, 7, 5] });

    expect(rows).toEqual([7, 3, 5].map((id) => ({ id, value: 0 })));
    expect(gap).toEqual({ missing: [], skipped: [] });
    const taken = await take(other, { ids: [3, 4, 5, 7], wait: 'skip', require: 'any' });
    expect(taken.gap).toEqual({ missing: [], skipped: [3, 5, 7] });
    await mine.query('commit');
    await expect(take(other, { ids: [3], wait: 'nowait' })).resolves.toMatchObject({
      rows: [{ id: 3 }],
    });
  });

  it('hands on what fn resolves and rejects with', async () => {
    const tx = await begin();
    const query = { table: 'items', ids: [1] };
    await expect(withRowLock(tx, query, () => Promise.resolve('done'))).resolves.toBe('done');
    const failure = new Error('no');
    await expect(withRowLock(tx, query, () => Promise.reject(failure))).rejects.toBe(failure);
  });

  it('gives the rows as they are once they are locked, not as they were before the wait', async () => {
    const [writer, reader] = [await begin(), await begin()];
    await writer.query('update items set value = 9 where id = 1');

    const locked = take(reader, { ids: [1] });
    await isWaiting(reader);
    await writer.query('commit');

    await expect(locked).resolves.toMatchObject({ rows: [{ id: 1, value: 9 }] });
  });

  it('tells rows that are missing from rows that others hold', async () => {
    const [holder, tx] = [await begin(), await begin()];
    await holder.query('select 1 from items where id in (2, 4) for update');

    const { rows, gap } = await take(tx, {
      ids: [99, 1, 2, 98, 99, 4],
      wait: 'skip',
      require: 'any',
    });

    expect(idsOf(rows)).toEqual([1]);
    expect(gap).toEqual({ missing: [99, 98], skipped: [2, 4] });
  });

  it('rejects by default when a row is missing or skipped', async () => {
    const [holder, tx] = [await begin(), await begin()];
    await holder.query('select 1 from items where id = 2 for update');

    await expect(take(tx, { ids: [1, 99] })).rejects.toMatchObject({
      code: 'ROWS_NOT_LOCKED',
      missing: [99],
      skipped: [],
      message: 'not all rows of items could be locked: row 99 missing',
    });
    await expect(take(tx, { ids: [1, 2, 98, 99], wait: 'skip' })).rejects.toMatchObject({
      missing: [98, 99],
      skipped: [2],
      message: 'not all rows of items could be locked: rows 98, 99 missing, row 2 held by others',
    });
  });

  it('reports a row that is deleted during the wait as missing', async () => {
    const [writer, reader] = [await begin(), await begin()];
    await writer.query('delete from items where id = 1');

    const locked = take(reader, { ids: [1, 2], require: 'any' });
    await isWaiting(reader);
    await writer.query('commit');

    await expect(locked).resolves.toMatchObject({ rows: [{ id: 2 }], gap: { missing: [1] } });
  });

  it('finds a row that is deleted and put back during the wait', async () => {
    const [writer, reader] = [await begin(), await begin()];
    await writer.query('delete from items where id = 1');
    await writer.query('insert into items values (1, 5)');

    const locked = take(reader, { ids: [1, 2] });
    await isWaiting(reader);
    await writer.query('commit');

    await expect(locked).resolves.toMatchObject({ rows: [{ id: 1, value: 5 }, { id: 2 }] });
    const other = await begin();
    await expect(take(other, { ids: [1], wait: 'nowait' })).rejects.toMatchObject({
      code: 'ROW_LOCK_TIMEOUT',
    });
  });
  it('takes ids of text, bigint and uuid, and gives back those of the caller', async () => {
    const uuid = 'b3c5d6e7-0000-4000-8000-00000000000a';
    const huge = 9_007_199_254_740_993n;
    await database.pool.query(`insert into big values (${huge}), (2);
      insert into named values ('a'), ('it''s, {"x"}'); insert into uuids values ('${uuid}');
      insert into "Odd ""one"""."the; table" values ('k')`);
    const tx = await begin();
    const any = { require: 'any' } as const;
    const both = async (rows: object[], gap: RowGap): Promise<unknown> => ({ rows, ...gap });

    await expect(
      withRowLock(tx, { table: 'big', ids: [3n, huge, 2n], ...any }, both),
    ).resolves.toEqual({ rows: [{ id: String(huge) }, { id: '2' }], missing: [3n], skipped: [] });
    await expect(
      withRowLock(tx, { table: 'big', ids: [String(huge), '02'], ...any }, both),
    ).resolves.toEqual({ rows: [{ id: String(huge) }, { id: '2' }], missing: [], skipped: [] });
    await expect(
      withRowLock(tx, { table: 'named', ids: ['it\'s, {"x"}', 'NULL', 'a'], ...any }, both),
    ).resolves.toEqual({
      rows: [{ id: 'it\'s, {"x"}' }, { id: 'a' }],
      missing: ['NULL'],
      skipped: [],
    });
    // One row, however it is spelt.
    await expect(
      withRowLock(tx, { table: 'uuids', ids: [uuid.toUpperCase(), uuid], ...any }, both),
    ).resolves.toEqual({ rows: [{ id: uuid }], missing: [], skipped: [] });
    const odd = { schema: 'Odd "one"', table: 'the; table', idColumn: 'Key', ids: ['k', 'z'] };
    await expect(withRowLock(tx, { ...odd, ...any }, both)).resolves.toEqual({
      rows: [{ Key: 'k' }],
      missing: ['z'],
      skipped: [],
    });
  });

  it('counts a row that may be seen but not changed as missing', async () => {
    const role = `reader_${process.pid}_${Date.now()}`;
    const tx = await begin();
    await tx.query(`create role ${role}; grant select, update on items to ${role};
      alter table items enable row level security;
      create policy visible on items for select using (true);
      create policy writable on items for update using (id < 2);
      set local role ${role}`);

    await expect(take(tx, { ids: [2, 1], require: 'any' })).resolves.toEqual({
      rows: [{ id: 1, value: 0 }],
      gap: { missing: [2], skipped: [] },
    });
  });

  it('rejects with 40001 above read committed when the row has changed since the snapshot', async () => {
    const tx = await begin('begin isolation level repeatable read');
    await tx.query('select 1');
    await database.pool.query('update items set value = 1 where id = 1');

    await expect(take(tx, { ids: [1] })).rejects.toMatchObject({ code: '40001' });
  });

  it('refuses a client that has no transaction open, before it asks for any row', async () => {
    const client = await database.pool.connect();
    try {
      for (const wait of ['wait', 'skip', 'nowait', 50] as const) {
        await expect(take(client, { ids: [1], wait })).rejects.toMatchObject({
          code: 'NOT_IN_TRANSACTION',
          cause: { code: '25P01' },
        });
      }
    } finally {
      client.release();
    }
  });
});

describe('withRowLock takes for a transaction', () => {
  it('a Transaction, whose savepoints it uses', async () => {
    const locks = createLocks({ db: database.pool, namespace: 'rows' });
    const holder = await begin();
    await holder.query('select 1 from items where id = 2 for update');

    await locks.runTransaction(async (tx) => {
      await expect(take(tx, { ids: [1, 2], wait: 'nowait' })).rejects.toMatchObject({
        code: 'ROW_LOCK_TIMEOUT',
      });
      await take(tx, { ids: [1] });
      await tx.query('update items set value = 1 where id = 1');
    });

    const { rows } = await database.pool.query('select value from items where id = 1');
    expect(rows).toEqual([{ value: 1 }]);
  });

  it('a transaction of Kysely, but not an instance', async () => {
    // Not destroyed: it would end the pool.
    const kysely = new Kysely<unknown>({
      dialect: new PostgresDialect({ pool: database.pool }),
      plugins: [new CamelCasePlugin()],
    });
    const holder = await begin();
    await holder.query('select 1 from items where id = 2 for update');

    await kysely.transaction().execute(async (tx) => {
      await expect(take(tx, { ids: [1, 2], wait: 30 })).rejects.toMatchObject({
        code: 'ROW_LOCK_TIMEOUT',
      });
      await expect(take(tx, { ids: [3, 1] })).resolves.toMatchObject({
        rows: [{ id: 3 }, { id: 1 }],
      });
    });

    expect(() => take(kysely as never, { ids: [1] })).toThrow(TypeError);
  });

  it('no pool', () => {
    expect(() => take(database.pool as never, { ids: [1] })).toThrow(
      new TypeError(
        'tx must be an open transaction: a pool would lock the rows for the length of one statement only',
      ),
    );
  });
});
