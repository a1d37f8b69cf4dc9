import { describe, expect, it } from 'vitest';
import { withOptimisticRetry } from '../src/rows/optimistic-retry.ts';
import { updateVersioned, type VersionedChange } from '../src/rows/update-versioned.ts';
import { change, database, select, useItems, type Row } from './update-versioned-set-up.ts';

useItems();

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
