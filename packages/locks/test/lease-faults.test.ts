import { once } from 'node:events';
import { sleep } from '@holdfast/internal';
import {
  createTestDatabase,
  createTestRedis,
  spawnNode,
  startFaultProxy,
  startPgbouncerServer,
  startPostgresServer,
  type NodeProcess,
  type Pool,
  type TestDatabase,
  type TestRedis,
} from '@holdfast/testkit';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Leases } from '../src/leases/lease-contract.ts';
import { leaseSchema } from '../src/leases/lease-schema.ts';
import { createLeases } from '../src/leases/leases.ts';
import type { HolderMessage, HolderTask } from './fixtures/lease-holder.ts';

const fixture = (name: string): URL => new URL(`./fixtures/${name}.ts`, import.meta.url);

let database: TestDatabase;
let redis: TestRedis;
let pool: Pool;
let leases: Leases;

beforeAll(async () => {
  database = await createTestDatabase();
  redis = await createTestRedis();
  pool = database.pool;
  for (const statement of leaseSchema()) await pool.query(statement);
  await pool.query('create table target (token bigint not null)');
  await pool.query('create table counter (value int not null)');
  leases = createLeases({ pool, namespace: 'test' });
});
beforeEach(async () => {
  await pool.query('truncate target, counter');
  await pool.query('insert into target values (0)');
  await pool.query('insert into counter values (0)');
});
afterAll(async () => {
  await redis.close();
  await database.close();
});

function holder(task: Partial<HolderTask> = {}): Promise<NodeProcess<HolderMessage>> {
  const whole: HolderTask = { url: database.url, ttlMs: 300, isGuarded: true, ...task };
  return spawnNode<HolderMessage>(fixture('lease-holder'), [JSON.stringify(whole)]);
}

/** Freezes a holder until somebody else has the lease and has written; what it then says when it goes on. */
async function freezeBeyondTtl(
  task: Partial<HolderTask>,
): Promise<{ seen: HolderMessage[]; stored: string }> {
  await using running = await holder(task);
  const first = await running.next();
  running.freeze();
  const token = await leases.withLease(
    'frozen',
    async (lease) => {
      await pool.query('update target set token = $1', [String(lease.token)]);
      return lease.token;
    },
    { wait: 'forever' },
  );
  expect(first).toEqual({ held: String(token - 1n) });
  running.send('go on');
  running.thaw();
  const seen = await running.rest();
  const { rows } = await pool.query<{ behind: string }>(
    'select $1::bigint - token as behind from target',
    [String(token)],
  );
  return { seen, stored: rows[0]!.behind === '0' ? 'newer' : 'stale' };
}

describe('a process that is frozen for longer than its lease', () => {
  it('sees at once that the lease is lost, and its write is refused', async () => {
    const { seen, stored } = await freezeBeyondTtl({ isGuarded: true });

    expect(seen).toEqual([
      { remainingMs: 0, assertion: 'LOCK_LOST', wrote: 0 },
      { ended: 'LOCK_LOST' },
    ]);
    expect(stored).toBe('newer');
  });

  it('writes over what is newer without a guard (negative control)', async () => {
    const { seen, stored } = await freezeBeyondTtl({ isGuarded: false });

    expect(seen).toEqual([
      { remainingMs: 0, assertion: 'LOCK_LOST', wrote: 1 },
      { ended: 'LOCK_LOST' },
    ]);
    expect(stored).toBe('stale');
  });
});

describe('a process that is killed', () => {
  it('keeps its lease until it expires, not longer', async () => {
    await using running = await holder({ ttlMs: 2_000 });
    await running.next();
    await running.kill();

    await expect(leases.acquireLease('frozen', { wait: 'try' })).rejects.toMatchObject({
      code: 'LOCK_TIMEOUT',
    });
    const lease = await leases.acquireLease('frozen', { wait: 'forever' });
    await lease.release();
  });
});

describe('processes that add to one counter', () => {
  const PROCESSES = 3;

  async function add(mode: string, rounds: number): Promise<number> {
    const args = [database.url, redis.url, String(rounds), mode];
    const running = await Promise.all(
      Array.from({ length: PROCESSES }, () => spawnNode(fixture('lease-adder'), args)),
    );
    for (const one of running) await one.next();
    for (const one of running) one.send('go');
    for (const one of running) expect(await one.exited).toMatchObject({ code: 0 });
    const { rows } = await pool.query<{ value: number }>('select value from counter');
    return rows[0]!.value;
  }

  it.each(['lease', 'two-tier'])('lose no update under a %s', async (mode) => {
    expect(await add(mode, 30)).toBe(PROCESSES * 30);
  });

  it('lose updates without one (negative control)', async () => {
    expect(await add('none', 300)).toBeLessThan(PROCESSES * 300);
  });
});

/** When the lease of a key ends, as text. */
async function endOfLease(key: string): Promise<string> {
  const { rows } = await pool.query<{ at: string }>(
    `select expires_at::text as at from holdfast_leases where key like '%' || $1`,
    [key],
  );
  return rows[0]!.at;
}

describe('connections that break', () => {
  it('do not end a lease whose renewals find another one', async () => {
    const own = database.createPool({ max: 2, application_name: 'victim' });
    const some = createLeases({ pool: own, namespace: 'test' });
    await some.withLease(
      'victim',
      async (lease) => {
        for (let turn = 0; turn < 5; turn += 1) {
          const before = await endOfLease('victim');
          await pool.query(
            `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'victim'`,
          );
          // It is renewed on another connection.
          while ((await endOfLease('victim')) === before) await sleep(1);
        }
        lease.assertHeld();
      },
      { ttlMs: 1_500 },
    );

    expect(some.snapshot()).toMatchObject({ lost: 0, released: 1 });
  });

  it('leave no lease behind whose acquire was answered to nobody', async () => {
    await using proxy = await startFaultProxy({
      host: '127.0.0.1',
      port: Number(new URL(database.url).port),
    });
    const own = new pg.Pool({ connectionString: proxy.urlFor(database.url), max: 2 });
    own.on('error', () => undefined);
    const some = createLeases({ pool: own, namespace: 'test' });
    await some.withLease('unheard', async () => undefined);
    // The server does what it is asked for, and nobody hears of it.
    const drop = proxy.set('open', { kind: 'drop', direction: 'toClient' });
    const failing = some.acquireLease('unheard', {
      ttlMs: 60_000,
      requestTimeoutMs: 100,
      wait: 'try',
    });

    await expect(failing).rejects.toMatchObject({
      code: 'LOCK_TIMEOUT',
      cause: { code: 'LEASE_REQUEST_TIMEOUT' },
    });
    await drop.fired;
    const lease = await leases.acquireLease('unheard', { wait: 10_000 });
    expect(lease.token).toBe(3n);
    await lease.release();
    await some.idle();
    await own.end();
  });

  it('end the lease in time when the server is frozen', async () => {
    const server = await startPostgresServer();
    const own = new pg.Pool({ connectionString: server.url, max: 2 });
    own.on('error', () => undefined);
    for (const statement of leaseSchema()) await own.query(statement);
    const some = createLeases({ pool: own, namespace: 'test' });
    const running = some.withLease(
      'server',
      async (lease) => {
        await server.freeze();
        // To freeze a server may take longer than the lease lasts.
        if (!lease.signal.aborted) await once(lease.signal, 'abort');
        server.thaw();
      },
      { ttlMs: 300 },
    );

    await expect(running).rejects.toMatchObject({ code: 'LOCK_LOST', reason: 'expired' });
    await some.idle();
    await own.end();
    await server.close();
  });
});

describe('behind PgBouncer in transaction mode', () => {
  it('leases and guards work, though each statement may run in another session', async () => {
    const pooler = await startPgbouncerServer(database.url, { mode: 'transaction', poolSize: 4 });
    const own = new pg.Pool({ connectionString: pooler.url, max: 8 });
    own.on('error', () => undefined);
    const some = createLeases({ pool: own, namespace: 'test' });
    let inside = 0;
    let overlaps = 0;
    const contenders = Array.from({ length: 6 }, async () => {
      for (let turn = 0; turn < 5; turn += 1) {
        await some.withLease(
          'pooled',
          async (lease) => {
            inside += 1;
            if (inside > 1) overlaps += 1;
            const client = await own.connect();
            await client.query('begin');
            await lease.guard(client);
            await client.query('update target set token = $1', [String(lease.token)]);
            await client.query('commit');
            client.release();
            inside -= 1;
          },
          { wait: 'forever' },
        );
      }
    });
    await Promise.all(contenders);
    const { rows } = await pool.query<{ token: string }>('select token from target');

    expect(overlaps).toBe(0);
    expect(rows).toEqual([{ token: '30' }]);
    const outside = await some.acquireLease('pooled');
    await expect(outside.guard(own as never)).rejects.toMatchObject({
      code: 'GUARD_OUTSIDE_TRANSACTION',
    });
    await outside.release();
    await own.end();
    await pooler.close();
  });
});
