import { beforeCommit, pgErrors, retryOnDatabaseError } from '@holdfast/circuit-breaker/postgres';
import { createDeferred } from '@holdfast/internal';
import {
  createTestDatabase,
  startFaultProxy,
  startPostgresServer,
  type Pool,
  type PoolClient,
  type PoolConfig,
  type TestDatabase,
} from '@holdfast/testkit';
import { Pool as PgPool } from 'pg';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { timeout, type ExecutionContext } from '../../src/index.ts';
import { BLOCKED, block, untilBlocked } from './blocked.ts';
import { contextOf } from './context.ts';

let database: TestDatabase;
let pool: Pool;
const ended: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  pool = database.createPool({ max: 4 });
  await pool.query('create table account (id int primary key, cents int not null)');
  await pool.query('insert into account values (1, 100), (2, 100)');
});
afterEach(async () => {
  for (const end of ended.splice(0).reverse()) await end();
});
afterAll(() => database.close());

async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => expect.unreachable('it should have failed'),
    (error: unknown) => error,
  );
}

/** verdict, retry, applied, label. */
function judged(error: unknown, context: ExecutionContext = contextOf()): unknown[] {
  const judgement = pgErrors({ ok: false, error }, context);
  return [judgement?.verdict, judgement?.retry, judgement?.applied, judgement?.label];
}

function poolAt(config: PoolConfig): Pool {
  const other = new PgPool(config);
  other.on('error', () => undefined);
  ended.push(() => other.end());
  return other;
}

async function twoClients(): Promise<[PoolClient, PoolClient]> {
  const clients: [PoolClient, PoolClient] = [await pool.connect(), await pool.connect()];
  ended.push(async () => {
    for (const client of clients) client.release(true);
    await Promise.resolve();
  });
  return clients;
}

/** A client whose connection the test breaks: `pg` tells so in an event that must have a listener. */
async function brittleClient(): Promise<{ client: PoolClient; broken: Promise<unknown> }> {
  const client = await pool.connect();
  const broken = new Promise((resolve) => client.once('error', resolve));
  client.on('error', () => undefined);
  ended.push(async () => {
    client.release(true);
    await Promise.resolve();
  });
  return { client, broken };
}

async function withdraw(client: PoolClient, meanwhile: () => Promise<unknown>): Promise<void> {
  try {
    await client.query('begin isolation level repeatable read');
    await client.query('select cents from account where id = 1');
    await meanwhile();
    await client.query('update account set cents = cents - 1 where id = 1');
    await client.query('commit');
  } catch (error) {
    await client.query('rollback');
    throw error;
  }
}

const interfere = () => pool.query('update account set cents = cents + 1 where id = 1');

it('takes a serialization failure for contention', async () => {
  const [client] = await twoClients();

  const error = await failureOf(withdraw(client, interfere));

  expect(judged(error)).toEqual(['ignore', true, 'no', 'postgres 40001']);
});

it('repeats the transaction after a serialization failure until it passes', async () => {
  const [client] = await twoClients();
  const policy = retryOnDatabaseError({ backoff: { baseMs: 1, capMs: 1 } });
  const attempts: number[] = [];

  await policy.execute(({ attempt }) => {
    attempts.push(attempt);
    return withdraw(client, attempt < 3 ? interfere : () => Promise.resolve());
  });

  expect(attempts).toEqual([1, 2, 3]);
});

it('takes a deadlock for contention', async () => {
  const [one, two] = await twoClients();
  const update = (client: PoolClient, id: number) =>
    client.query(`update account set cents = cents where id = ${id}`);
  for (const client of [one, two]) {
    await client.query("set deadlock_timeout = '10ms'");
    await client.query('begin');
  }
  await update(one, 1);
  await update(two, 2);
  const waiting = update(one, 2);
  await untilBlocked(pool);
  const results = await Promise.allSettled([waiting, update(two, 1)]);
  await one.query('rollback');
  await two.query('rollback');

  const [failed, ...others] = results.filter((result) => result.status === 'rejected');
  expect(others).toEqual([]);
  expect(judged(failed?.reason)).toEqual(['ignore', true, 'no', 'postgres 40P01']);
});

it('takes a lock that is not free for contention', async () => {
  const [one, two] = await twoClients();
  await one.query('begin');
  await one.query('select from account where id = 1 for update');
  const nowait = await failureOf(two.query('select from account where id = 1 for update nowait'));
  await two.query("set lock_timeout = '1ms'");
  const late = await failureOf(two.query('select from account where id = 1 for update'));

  for (const error of [nowait, late]) {
    expect(judged(error)).toEqual(['ignore', true, 'no', 'postgres 55P03']);
  }
});

it('takes a duplicate for the fault of the caller', async () => {
  const error = await failureOf(pool.query('insert into account values (1, 5)'));

  expect(judged(error)).toEqual(['ignore', false, 'no', 'postgres 23505']);
});

it('does not know whether a statement was done whose server process was shut down', async () => {
  const blocked = await block(pool);
  const { client } = await brittleClient();
  const query = failureOf(client.query(BLOCKED));
  const pid = await untilBlocked(pool);
  await pool.query('select pg_terminate_backend($1)', [pid]);

  expect(judged(await query)).toEqual(['failure', true, 'maybe', 'postgres 57P01']);
  await blocked.release();
});

it('knows that a transaction was not applied whose connection broke before COMMIT', async () => {
  const blocked = await block(pool);
  const { client } = await brittleClient();
  await client.query('begin');
  const body = failureOf(beforeCommit(() => client.query(BLOCKED)));
  const pid = await untilBlocked(pool);
  await pool.query('select pg_terminate_backend($1)', [pid]);

  expect(judged(await body)).toEqual(['failure', true, 'no', 'postgres 57P01']);
  await blocked.release();
});

it('ignores a statement that somebody cancelled, and one that took too long by its own limit', async () => {
  const blocked = await block(pool);
  const query = failureOf(pool.query(BLOCKED));
  await pool.query('select pg_cancel_backend($1)', [await untilBlocked(pool)]);
  const [client] = await twoClients();
  await client.query("set statement_timeout = '1ms'");
  const late = await failureOf(client.query(BLOCKED));

  expect(judged(await query)).toEqual(['ignore', false, 'no', 'postgres 57014']);
  expect(judged(late)).toEqual(['ignore', false, 'no', 'postgres 57014']);
  await blocked.release();
});

it('counts a statement that was cancelled because of our timeout as a failure', async () => {
  const blocked = await block(pool);
  const query = createDeferred<unknown[]>();
  const policy = timeout({ ms: 50 });

  const expired = policy.execute(async (context) => {
    const aborted = new Promise((resolve) => {
      context.signal.addEventListener('abort', resolve, { once: true });
    });
    const running = failureOf(pool.query(BLOCKED));
    const pid = await untilBlocked(pool);
    await aborted;
    await pool.query('select pg_cancel_backend($1)', [pid]);
    query.resolve(judged(await running, context));
  });

  await expect(expired).rejects.toMatchObject({ code: 'TIMEOUT' });
  expect(await query.promise).toEqual(['failure', false, 'no', 'postgres 57014']);
  await blocked.release();
});

it('retries on a new connection when one was closed for idling in a transaction', async () => {
  const { client, broken } = await brittleClient();
  await client.query("set idle_in_transaction_session_timeout = '1ms'");
  await client.query('begin').catch(() => undefined);

  expect(judged(await broken)).toEqual(['ignore', true, 'no', 'postgres 25P03']);
  const next = await failureOf(client.query('select 1'));
  expect(judged(next)).toEqual(['failure', true, 'no', 'postgres connection lost']);
});

it.each(['127.0.0.1', 'localhost'])('retries a connection that was refused by %s', async (host) => {
  const proxy = await startFaultProxy({ host: '127.0.0.1', port: 1 });
  const { port } = proxy;
  await proxy.close();

  const error = await failureOf(poolAt({ host, port }).query('select 1'));

  expect(judged(error)).toEqual(['failure', true, 'no', 'postgres ECONNREFUSED']);
});

it('retries when no connection of the pool was free in time', async () => {
  const small = poolAt({ connectionString: database.url, max: 1, connectionTimeoutMillis: 1_000 });
  const client = await small.connect();

  const error = await failureOf(small.query('select 1'));

  expect(judged(error)).toEqual(['failure', true, 'no', 'postgres connect timeout']);
  client.release();
});

it('does not know whether a statement was done whose connection was cut', async () => {
  const { hostname: host, port } = new URL(database.url);
  const proxy = await startFaultProxy({ host, port: Number(port) });
  ended.push(() => proxy.close());
  const blocked = await block(pool);
  const cut = poolAt({ connectionString: proxy.urlFor(database.url) });
  const query = failureOf(cut.query(BLOCKED));
  await untilBlocked(pool);
  proxy.cutAll();

  expect(judged(await query).slice(0, 3)).toEqual(['failure', true, 'maybe']);
  await blocked.release();
});

it('retries when the server has no connection left', async () => {
  const server = await startPostgresServer({
    settings: { max_connections: '3', superuser_reserved_connections: '0' },
  });
  ended.push(() => server.close());
  const greedy = poolAt({ connectionString: server.url, max: 4 });
  const clients = await Promise.all([1, 2, 3].map(() => greedy.connect()));

  const error = await failureOf(greedy.connect());

  expect(judged(error)).toEqual(['failure', true, 'no', 'postgres 53300']);
  for (const client of clients) client.release();
});

it('does not know whether a statement was done whose server was killed, and retries while it is down', async () => {
  const server = await startPostgresServer();
  ended.push(() => server.close());
  const other = poolAt({ connectionString: server.url });
  const blocked = await block(other);
  blocked.client.on('error', () => undefined);
  const query = failureOf(other.query(BLOCKED));
  await untilBlocked(other);
  await server.kill();

  expect(judged(await query).slice(0, 3)).toEqual(['failure', true, 'maybe']);
  const down = await failureOf(other.query('select 1'));
  expect(judged(down)).toEqual(['failure', true, 'no', 'postgres ECONNREFUSED']);
  await server.start();
  expect((await other.query('select 1 as n')).rows).toEqual([{ n: 1 }]);
  blocked.client.release(true);
});
