import { Kysely, PostgresDialect } from 'kysely';
import { beforeAll, describe, expect, it } from 'vitest';
import { fencedTx, fenceToken, fenceWhere } from '../../src/postgres.ts';
import type { Fence } from '../../src/shards.ts';
import { assignBounded } from '../../src/shards/assign-bounded.ts';
import { shardOf } from '../../src/shards/hash.ts';
import { ALL, database, join, together, until, useDatabase, type Member } from './group.ts';

useDatabase();

beforeAll(async () => {
  await database.pool.query(
    'create table zone (id text primary key, valve text, epoch bigint not null default 0)',
  );
});

async function owner(): Promise<{ member: Member; fence: Fence }> {
  const member = await join('a');
  await member.until(() => member.owned().length === ALL.length);
  return { member, fence: member.shards.ownershipOf('zone-1')!.fence! };
}

const older = (fence: Fence): Fence => ({ ...fence, epoch: fence.epoch - 1n });

describe('fenceWhere', () => {
  it('lets the newest owner write, and no older one after it', async () => {
    const { fence } = await owner();
    await database.pool.query(`insert into zone values ('where', 'shut')`);
    const write = async (by: Fence): Promise<number | null> => {
      const { set, where, value } = fenceWhere(by, { parameter: 2 });
      const text = `update zone set valve = $1, ${set} where id = 'where' and ${where}`;
      return (await database.pool.query(text, ['open', value])).rowCount;
    };

    expect(await write(older(fence))).toBe(1);
    expect(await write(fence)).toBe(1);
    expect(await write(fence)).toBe(1);
    expect(await write(older(fence))).toBe(0);
  });

  it('quotes the column', () => {
    const fence: Fence = { group: 'g', shard: 1, epoch: 7n, owner: 'a' };

    expect(fenceWhere(fence, { column: 'last "epoch"' })).toEqual({
      set: '"last ""epoch""" = $1::bigint',
      where: '"last ""epoch""" <= $1::bigint',
      value: '7',
    });
    expect(() => fenceWhere(fence, { parameter: 0 })).toThrow(RangeError);
  });
});

describe('fencedTx', () => {
  it('runs what the owner wants to do', async () => {
    const { fence } = await owner();
    const client = await database.pool.connect();
    await client.query('begin');
    const done = await fencedTx(client, fence, async () => {
      await client.query(`insert into zone values ('tx', 'open')`);
      return 'done';
    });
    await client.query('commit');
    client.release();

    expect(done).toBe('done');
  });

  it('refuses one that is the owner no more', async () => {
    const { fence } = await owner();
    const stale = older(fence);
    const client = await database.pool.connect();
    await client.query('begin');
    const fenced = fencedTx(client, stale, () => Promise.reject(new Error('must not run')));

    await expect(fenced).rejects.toMatchObject({
      code: 'FENCED',
      fence: stale,
      message: `epoch ${stale.epoch} of a for shard ${stale.shard} of ${stale.group} is not the newest any more`,
    });
    await client.query('rollback');
    client.release();
  });

  it('works in a transaction of Kysely', async () => {
    const { fence } = await owner();
    const db = new Kysely<object>({
      dialect: new PostgresDialect({ pool: database.createPool() }),
    });

    await expect(
      db.transaction().execute((tx) => fencedTx(tx, fence, () => Promise.resolve(1))),
    ).resolves.toBe(1);
    await expect(
      db.transaction().execute((tx) => fencedTx(tx, older(fence), () => Promise.resolve(1))),
    ).rejects.toMatchObject({ code: 'FENCED' });
    await db.destroy();
  });

  it('refuses a client without BEGIN, with which the shard would be held for one statement only', async () => {
    const { fence } = await owner();
    const client = await database.pool.connect();
    const silent = { query: (text: string, values?: unknown[]) => client.query(text, values) };
    const refused = new TypeError(
      'tx must be a client of pg after BEGIN, or a transaction of Kysely, got one without an open transaction',
    );
    const never = (): Promise<never> => Promise.reject(new Error('must not run'));

    await expect(fencedTx(client, fence, never)).rejects.toThrow(refused);
    await expect(fencedTx(silent, fence, never)).rejects.toThrow(refused);
    await client.query('begin');
    await client.query('commit');
    await expect(fencedTx(client, fence, never)).rejects.toThrow(refused);
    client.release();
  });

  it('asks the server about a transaction that the driver does not know of yet, or never does', async () => {
    const { fence } = await owner();
    const client = await database.pool.connect();
    const asked: string[] = [];
    const silent = {
      query: (text: string, values?: unknown[]) => {
        asked.push(text);
        return client.query(text, values);
      },
    };
    const begun = client.query('begin');
    expect(await fencedTx(client, fence, () => Promise.resolve('at once'))).toBe('at once');
    await begun;
    expect(await fencedTx(silent, fence, () => Promise.resolve('unknown'))).toBe('unknown');
    expect(asked).toHaveLength(3);

    const knowing = { ...silent, getTransactionStatus: () => client.getTransactionStatus() };
    await fencedTx(knowing, fence, () => Promise.resolve());
    expect(asked).toHaveLength(4);
    await client.query('rollback');
    client.release();
  });

  it('passes on what the server says of a transaction that has failed', async () => {
    const { fence } = await owner();
    const client = await database.pool.connect();
    await client.query('begin');
    await client.query('select 1 / 0').catch(() => undefined);
    const silent = { query: (text: string, values?: unknown[]) => client.query(text, values) };
    const never = (): Promise<never> => Promise.reject(new Error('must not run'));

    // in_failed_sql_transaction (PostgreSQL manual, appendix A)
    await expect(fencedTx(client, fence, never)).rejects.toMatchObject({ code: '25P02' });
    await expect(fencedTx(silent, fence, never)).rejects.toMatchObject({ code: '25P02' });
    await client.query('rollback');
    client.release();
  });

  it('keeps the shard from being taken until the transaction ends, and holds up no other', async () => {
    const { member, fence } = await owner();
    const client = await database.pool.connect();
    await client.query('begin');
    await fencedTx(client, fence, () => Promise.resolve());
    await member.shards.close();
    const heir = await join('b');
    await heir.until(() => heir.owned().length === ALL.length - 1);
    expect(heir.owned()).not.toContain(fence.shard);

    await client.query('commit');
    client.release();
    await heir.until(() => heir.owned().length === ALL.length);
  });

  it('lets a shard go whose owner has stopped in its transaction, when that lies idle for too long', async () => {
    const { member, fence } = await owner();
    const client = await database.pool.connect();
    const ended = new Promise<unknown>((resolve) => client.on('error', resolve));
    await client.query('begin');
    await fencedTx(client, fence, () => Promise.resolve(), { idleMs: 300 });
    await member.shards.close();
    const heir = await join('b');
    await heir.until(() => heir.owned().length === ALL.length);

    // idle_in_transaction_session_timeout (PostgreSQL manual, appendix A)
    expect(await ended).toMatchObject({ code: '25P03' });
    client.release(true);
  });

  it('keeps a shorter bound of the session, and sets its own for the transaction alone', async () => {
    const { fence } = await owner();
    const client = await database.pool.connect();
    const inside = async (own: string): Promise<unknown> => {
      await client.query(`set idle_in_transaction_session_timeout = '${own}'`);
      await client.query('begin');
      const seen = await fencedTx(client, fence, show, { idleMs: 1500 });
      await client.query('commit');
      expect(await show()).toBe(own);
      return seen;
    };
    const show = async (): Promise<unknown> =>
      (
        await client.query<{ bound: string }>(
          `select current_setting('idle_in_transaction_session_timeout') as bound`,
        )
      ).rows[0]!.bound;

    expect(await inside('0')).toBe('1500ms');
    expect(await inside('1s')).toBe('1s');
    expect(await inside('900ms')).toBe('900ms');
    expect(await inside('2min')).toBe('1500ms');
    await expect(fencedTx(client, fence, show, { idleMs: 0 })).rejects.toThrow(RangeError);
    client.release(true);
  });

  it('would be overtaken if it only looked (negative control)', async () => {
    const { member, fence } = await owner();
    const client = await database.pool.connect();
    await client.query('begin');
    const { rowCount } = await client.query(
      'select from holdfast_zones.shard where group_name = $1 and shard = $2 and epoch = $3',
      [fence.group, fence.shard, String(fence.epoch)],
    );
    expect(rowCount).toBe(1);
    await member.shards.close();
    const heir = await join('b');
    await heir.until(() => heir.owned().length === ALL.length);

    await client.query('rollback');
    client.release();
  });

  it('holds up the giving back of its own shard alone', async () => {
    const { member } = await owner();
    // One that goes to the other when it comes.
    const shard = assignBounded(ALL.length, [{ id: 'a' }, { id: 'b' }]).indexOf('b');
    const zone = Array.from({ length: 2000 }, (_, n) => `zone-${n}`).find(
      (id) => shardOf(id, ALL.length) === shard,
    )!;
    const client = await database.pool.connect();
    await client.query('begin');
    await fencedTx(client, member.shards.ownershipOf(zone)!.fence!, () => Promise.resolve());
    const other = await join('b');
    const both = [member, other];
    await until(both, () => together(...both).length === ALL.length - 1);
    expect(together(...both)).not.toContain(shard);

    await client.query('commit');
    client.release();
    await other.until(() => other.owned().includes(shard));
  });
});

describe('fenceToken', () => {
  it('orders texts as their epochs', () => {
    const token = (epoch: bigint): string =>
      fenceToken({ group: 'g', shard: 1, epoch, owner: 'a' });
    const some = [9_223_372_036_854_775_807n, 10n, 9n, 1_000n];

    expect(some.map(token).sort()).toEqual(
      [9n, 10n, 1_000n, 9_223_372_036_854_775_807n].map(token),
    );
  });
});
