import {
  createFakeClock,
  createTestDatabase,
  startFaultProxy,
  type FakeClock,
  type FaultProxy,
  type TestDatabase,
} from '@holdfast/testkit';
import type { Pool } from 'pg';
import { afterEach, beforeEach, expect, it } from 'vitest';
import {
  pgIdResolver,
  type ListenLostEvent,
  type PgIdResolver,
} from '../../src/loader/pg-id-resolver.ts';

const HEARTBEAT_MS = 15_000;

let database: TestDatabase;
let proxy: FaultProxy;
let pool: Pool;
let clock: FakeClock;
let ids: PgIdResolver<string>;
let lost: ListenLostEvent[];

beforeEach(async () => {
  database = await createTestDatabase();
  await database.pool.query(`CREATE TABLE nodes (id int8, uid text UNIQUE);
    INSERT INTO nodes VALUES (1, 'a')`);
  const { hostname, port } = new URL(database.url);
  proxy = await startFaultProxy({ host: hostname, port: Number(port) });
  // No connection of a load is there again for the one that listens.
  pool = database.createPool({ connectionString: proxy.urlFor(database.url), maxUses: 1 });
  clock = createFakeClock();
  lost = [];
  ids = pgIdResolver<string>({
    ...{ pool, table: 'nodes', keyColumn: 'uid', keyType: 'text', idColumn: 'id' },
    ...{ listenChannel: 'nodes', ttlMs: Infinity, clock, random: () => 0 },
  });
  ids.on('listenLost', (event) => lost.push(event));
  const listening = untilListening();
  const got = ids.get('a');
  await listening;
  ids.clear();
  await clock.advance(1);
  await got;
  ids.prime('a', 1);
});
afterEach(async () => {
  await ids.close();
  await database.close();
  await proxy.close();
});

function untilListening(): Promise<void> {
  return new Promise((resolve) => {
    const off = ids.on('listening', () => {
      off();
      resolve();
    });
  });
}

it('finds a connection that says nothing any more, and listens on another one', async () => {
  proxy.set('open', { kind: 'freeze' });

  // One has passed since it listens.
  await clock.advance(2 * HEARTBEAT_MS - 2);
  expect([ids.peek('a'), lost]).toEqual([1, []]);
  await clock.advance(1);
  expect([ids.peek('a'), ids.snapshot().isListening]).toEqual([null, false]);
  expect(lost).toEqual([
    { attempt: 0, error: new Error(`there was no answer within ${HEARTBEAT_MS} ms`) },
  ]);

  const listening = untilListening();
  await clock.advance(1);
  await listening;
  ids.prime('a', 1);
  await database.pool.query(`NOTIFY nodes, 'a'`);
  while (ids.peek('a') !== null) await new Promise((resolve) => setImmediate(resolve));
});

it('gives up a connection that does not come to be, and tries another one', async () => {
  const frozen = proxy.set('next', { kind: 'freeze' });
  proxy.cutAll();
  while (lost.length === 0) await clock.advance(0);
  await clock.advance(1);
  await frozen.fired;

  await clock.advance(HEARTBEAT_MS);
  expect(lost).toMatchObject([{ attempt: 0 }, { attempt: 1 }]);
  const listening = untilListening();
  await clock.advance(1);
  await listening;
});

it('keeps one that answers', async () => {
  const answers = async (): Promise<string | undefined> => {
    const { rows } = await database.pool.query<{ at: string }>(`
      SELECT query_start::text AS at FROM pg_stat_activity
      WHERE datname = current_database() AND query = 'SELECT 1' AND state = 'idle'`);
    return rows[0]?.at;
  };

  for (let beat = 0; beat < 3; beat += 1) {
    const before = await answers();
    await clock.advance(HEARTBEAT_MS);
    let after = await answers();
    while (after === undefined || after === before) after = await answers();
    // By the same way and later: the answer has been read.
    await pool.query('SELECT 2');
  }

  expect([lost, ids.peek('a')]).toEqual([[], 1]);
});
