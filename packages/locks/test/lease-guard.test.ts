import { sleep } from '@holdfast/internal';
import {
  createTestDatabase,
  type Pool,
  type PoolClient,
  type TestDatabase,
} from '@holdfast/testkit';
import { Kysely, PostgresDialect } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Lease, Leases } from '../src/leases/lease-contract.ts';
import { leaseSchema } from '../src/leases/lease-schema.ts';
import { createLeases } from '../src/leases/leases.ts';
import type { Queryable } from '../src/ports.ts';

/** A quote, a backslash and a letter beyond ASCII: what an unsafe literal would trip over. */
const KEY = `it's \\' a "key" é`;

let database: TestDatabase;
let pool: Pool;
let leases: Leases;
/** Of a holder whose clock stands still: it never knows that it has lost the lease, so only the server can say so. */
let stopped: Leases;

beforeAll(async () => {
  database = await createTestDatabase();
  pool = database.createPool({ max: 10 });
  for (const statement of leaseSchema()) await pool.query(statement);
  await pool.query('create table resource (id int primary key, value int not null)');
  leases = createLeases({ pool, namespace: 'test' });
  const clock = { now: () => 0, wallNow: () => 0, setTimer: () => ({ cancel: () => undefined }) };
  stopped = createLeases({ pool, namespace: 'test', clock });
});
beforeEach(async () => {
  await pool.query('delete from resource');
  await pool.query('insert into resource values (1, 0)');
  await pool.query(`update holdfast_leases set expires_at = '-infinity'`);
});
afterAll(() => database.close());

async function inTransaction<T>(
  fn: (client: PoolClient) => Promise<T>,
  begin = 'begin',
): Promise<T> {
  const client = await pool.connect();
  try {
    await client.query(begin);
    return await fn(client);
  } finally {
    await client.query('rollback');
    client.release();
  }
}

async function expire(): Promise<void> {
  await pool.query(`update holdfast_leases set expires_at = clock_timestamp()`);
}

/** Somebody else has the lease from now on. */
async function takeOver(): Promise<Lease> {
  await expire();
  return leases.acquireLease(KEY, { wait: 'try' });
}

function tryTakeOver(): Promise<unknown> {
  return leases.acquireLease(KEY, { wait: 'try' }).catch((error: unknown) => error);
}

describe('guard', () => {
  it('accepts the newest token, and keeps a takeover out until the transaction ends', async () => {
    const lease = await stopped.acquireLease(KEY);
    await inTransaction(async (client) => {
      await lease.guard(client);
      await expire();

      expect(await tryTakeOver()).toMatchObject({
        code: 'LOCK_TIMEOUT',
        holder: { token: lease.token },
      });
      await client.query('commit');
      expect(await tryTakeOver()).toMatchObject({ token: lease.token + 1n });
    });
  });

  it('does not keep the renewal of its own lease out', async () => {
    const lease = await stopped.acquireLease(KEY);
    await inTransaction(async (client) => {
      await lease.guard(client);
      await lease.renew();
      await lease.renew();
    });
  });

  it('is not kept out by a renewal, whose lock then still keeps a takeover out', async () => {
    const lease = await stopped.acquireLease(KEY);
    await inTransaction(async (renewing) => {
      await renewing.query(
        `update holdfast_leases set expires_at = clock_timestamp() where key = $1`,
        [lease.key],
      );
      await inTransaction(async (writing) => {
        await lease.guard(writing);
        await renewing.query('commit');

        expect(await tryTakeOver()).toMatchObject({ code: 'LOCK_TIMEOUT' });
      });
    });
    expect(await tryTakeOver()).toMatchObject({ token: lease.token + 1n });
  });

  it('waits for a takeover that is under way, and then refuses', async () => {
    const lease = await stopped.acquireLease(KEY);
    await inTransaction(async (taking) => {
      await taking.query(`select from holdfast_leases where key = $1 for update`, [lease.key]);
      await taking.query(`update holdfast_leases set token = token + 1 where key = $1`, [
        lease.key,
      ]);
      await inTransaction(async (writing) => {
        const guarding = lease.guard(writing).catch((error: unknown) => error);
        await untilBlocked();
        await taking.query('commit');

        expect(await guarding).toMatchObject({
          code: 'STALE_TOKEN',
          key: lease.key,
          mine: lease.token,
          current: lease.token + 1n,
        });
      });
    });
  });

  it('would be passed by a takeover that locks as an UPDATE does (negative control)', async () => {
    const lease = await stopped.acquireLease(KEY);
    await inTransaction(async (client) => {
      await lease.guard(client);
      // No FOR UPDATE: the token moves between the check and the commit.
      await pool.query(`update holdfast_leases set token = token + 1 where key = $1`, [lease.key]);
      await client.query('update resource set value = 1');
      await client.query('commit');
    });

    const { rows } = await pool.query<{ value: number }>('select value from resource');
    expect(rows).toEqual([{ value: 1 }]);
  });

  it('refuses a stale token and names the newest one', async () => {
    const lease = await stopped.acquireLease(KEY);
    const next = await takeOver();
    const refused = inTransaction((client) => lease.guard(client));

    await expect(refused).rejects.toMatchObject({
      name: 'StaleTokenError',
      code: 'STALE_TOKEN',
      mine: lease.token,
      current: next.token,
    });
    await next.release();
  });

  it('refuses when the row is gone', async () => {
    const lease = await stopped.acquireLease('gone');
    await pool.query(`delete from holdfast_leases where key = 'test/gone'`);

    await expect(inTransaction((client) => lease.guard(client))).rejects.toMatchObject({
      code: 'STALE_TOKEN',
      current: undefined,
    });
  });

  it.each(['repeatable read', 'serializable'])(
    'never accepts a token at %s that was taken over after the snapshot',
    async (isolation) => {
      const lease = await stopped.acquireLease(KEY);
      const refused = inTransaction(async (client) => {
        await client.query('select value from resource');
        const next = await takeOver();
        await next.release();
        await lease.guard(client);
      }, `begin isolation level ${isolation}`);

      await expect(refused).rejects.toMatchObject({ code: '40001' });
    },
  );

  it.each(['repeatable read', 'serializable'])(
    'accepts the newest token at %s, also when others are taken over',
    async (isolation) => {
      const lease = await stopped.acquireLease(KEY);
      await inTransaction(async (client) => {
        await client.query('select value from resource');
        await leases.withLease('another', async () => undefined);
        await lease.guard(client);
        await client.query('update resource set value = 2');
        await client.query('commit');
      }, `begin isolation level ${isolation}`);
      await lease.release();
    },
  );

  it.each(['repeatable read', 'serializable'])(
    'accepts a token at %s that was only renewed after the snapshot, and keeps a takeover out',
    async (isolation) => {
      const lease = await stopped.acquireLease(KEY);
      await inTransaction(async (client) => {
        await client.query('select value from resource');
        await lease.renew();
        await lease.renew();
        await lease.guard(client);
        await expire();

        expect(await tryTakeOver()).toMatchObject({ code: 'LOCK_TIMEOUT' });
      }, `begin isolation level ${isolation}`);
    },
  );

  it.each(['repeatable read', 'serializable'])(
    'never accepts a token at %s that was renewed and then taken over after the snapshot',
    async (isolation) => {
      const lease = await stopped.acquireLease(KEY);
      const refused = inTransaction(async (client) => {
        await client.query('select value from resource');
        // PostgreSQL lets FOR KEY SHARE pass by updates that change no key, so it must see the takeover behind them.
        await lease.renew();
        await lease.renew();
        await takeOver();
        await lease.guard(client);
      }, `begin isolation level ${isolation}`);

      await expect(refused).rejects.toMatchObject({ code: '40001' });
    },
  );

  it('refuses a token that is newer than the snapshot, and says so', async () => {
    const before = await leases.acquireLease(KEY);
    await before.release();
    const refused = inTransaction(async (client) => {
      await client.query('select value from resource');
      const lease = await stopped.acquireLease(KEY);
      await lease.guard(client);
    }, 'begin isolation level repeatable read');

    await expect(refused).rejects.toMatchObject({
      code: 'STALE_TOKEN',
      mine: before.token + 1n,
      current: before.token,
    });
    await expect(refused).rejects.toThrow('older than the lease');
  });

  it('refuses outside a transaction, where it would protect nothing', async () => {
    const lease = await stopped.acquireLease(KEY);
    const client = await pool.connect();

    await expect(lease.guard(pool as never)).rejects.toMatchObject({
      code: 'GUARD_OUTSIDE_TRANSACTION',
      key: lease.key,
    });
    await expect(lease.guard(client)).rejects.toMatchObject({ code: 'GUARD_OUTSIDE_TRANSACTION' });
    await expect(lease.guard({} as Queryable)).rejects.toThrow(TypeError);
    client.release();
  });

  it('refuses a lease that is lost by the clock of its holder, or was released', async () => {
    const lease = await leases.acquireLease(KEY);
    await lease.release();

    await expect(inTransaction((client) => lease.guard(client))).rejects.toMatchObject({
      code: 'LOCK_LOST',
      reason: 'released',
    });
  });

  it('works with transactions of Kysely', async () => {
    const kysely = new Kysely<{ resource: { id: number; value: number } }>({
      dialect: new PostgresDialect({ pool: database.createPool({ max: 2 }) }),
    });
    const lease = await stopped.acquireLease(KEY);
    await kysely.transaction().execute(async (trx) => {
      await lease.guard(trx);
      await trx.updateTable('resource').set({ value: 3 }).execute();
      await expire();
      expect(await tryTakeOver()).toMatchObject({ code: 'LOCK_TIMEOUT' });
    });
    await takeOver();

    await expect(kysely.transaction().execute((trx) => lease.guard(trx))).rejects.toMatchObject({
      code: 'STALE_TOKEN',
    });
    await expect(lease.guard(kysely as never)).rejects.toMatchObject({
      code: 'GUARD_OUTSIDE_TRANSACTION',
    });
    await kysely.destroy();
  });
});

describe('guardSql', () => {
  it('lets writes of the newest token through, and none of a stale one', async () => {
    const lease = await stopped.acquireLease(KEY);
    const update = `update resource set value = value + 1 where id = 1 and ${lease.guardSql()}`;
    const insert = `insert into resource select 2, 0 where ${lease.guardSql()}`;
    const remove = `delete from resource where ${lease.guardSql()}`;
    const counts = async (): Promise<(number | null)[]> => {
      const results = [];
      for (const text of [update, insert, remove]) results.push((await pool.query(text)).rowCount);
      return results;
    };

    expect(await counts()).toEqual([1, 1, 2]);
    await pool.query('insert into resource values (1, 0)');
    await takeOver();
    expect(await counts()).toEqual([0, 0, 0]);
  });

  it.each([
    ['an UPDATE', (guard: string) => `update resource set value = 1 where id = 1 and ${guard}`],
    ['an INSERT', (guard: string) => `insert into resource select 2, 0 where ${guard}`],
  ])('makes a takeover wait for the commit of %s', async (_name, write) => {
    const lease = await stopped.acquireLease(KEY);
    await inTransaction(async (client) => {
      await client.query(write(lease.guardSql()));
      await expire();

      expect(await tryTakeOver()).toMatchObject({
        code: 'LOCK_TIMEOUT',
        holder: { token: lease.token },
      });
      await client.query('commit');
      expect(await tryTakeOver()).toMatchObject({ token: lease.token + 1n });
    });
  });

  it('is refused when a takeover is under way', async () => {
    const lease = await stopped.acquireLease(KEY);
    await inTransaction(async (taking) => {
      await taking.query(`select from holdfast_leases where key = $1 for update`, [lease.key]);
      await taking.query(`update holdfast_leases set token = token + 1 where key = $1`, [
        lease.key,
      ]);
      const writing = pool.query(`update resource set value = 1 where ${lease.guardSql()}`);
      await untilBlocked();
      await taking.query('commit');

      expect((await writing).rowCount).toBe(0);
    });
  });

  it('quotes the key whatever standard_conforming_strings is', async () => {
    const lease = await stopped.acquireLease(KEY);
    await inTransaction(async (client) => {
      await client.query('set local standard_conforming_strings = off');
      await client.query('set local backslash_quote = off');
      const { rowCount } = await client.query(`select where ${lease.guardSql()}`);

      expect(rowCount).toBe(1);
      await lease.guard(client);
    });
  });
});

/** Resolves when a statement waits for a lock of a row. */
async function untilBlocked(): Promise<void> {
  const waiting = `select from pg_locks where not granted and locktype = 'transactionid'`;
  while ((await pool.query(waiting)).rowCount === 0) await sleep(1);
}
