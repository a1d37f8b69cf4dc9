import { randomUUID } from 'node:crypto';
import { systemClock } from '@holdfast/internal';
import pg from 'pg';
import { beforeAll, expect, it } from 'vitest';
import { LeaseConnection } from '../../src/postgres/lease-connection.ts';
import { resolveShardsOptions } from '../../src/postgres/shard-options.ts';
import { ShardStore } from '../../src/postgres/shard-store.ts';
import { postgresShardsStatements } from '../../src/postgres.ts';
import { database, useDatabase } from './group.ts';

const SHARDS = 8192;
/** Of a request. With a loop in a loop it is reached. */
const REQUEST_MS = 60_000;

useDatabase();

beforeAll(async () => {
  for (const text of postgresShardsStatements()) await database.pool.query(text);
  await database.pool.query(
    `alter table holdfast_zones.shard set (autovacuum_enabled = off);
    insert into holdfast_zones.shard (group_name, shard, owner)
      select 'other-' || g, n, 'a' from generate_series(1, 20) g, generate_series(0, 1023) n;
    analyze holdfast_zones.shard`,
  );
});

/** What a node of a plan has done (PostgreSQL manual, 14.1.2). */
interface PlanNode {
  readonly 'Actual Rows': number;
  readonly 'Actual Loops': number;
  readonly 'Rows Removed by Filter'?: number;
  readonly 'Rows Removed by Join Filter'?: number;
  readonly Plans?: readonly PlanNode[];
}

function rowsOf(node: PlanNode): number {
  const { 'Rows Removed by Filter': filtered = 0, 'Rows Removed by Join Filter': unjoined = 0 } =
    node;
  const own = (node['Actual Rows'] + filtered + unjoined) * node['Actual Loops'];
  return (node.Plans ?? []).reduce((sum, below) => sum + rowsOf(below), own);
}

it('goes through each shard only a few times in a group that the statistics do not know', async () => {
  const client = new pg.Client({ connectionString: database.url });
  let rows = 0;
  client.on('notice', ({ message = '' }) => {
    const [, plan] = message.split('plan:\n');
    if (plan === undefined) return;
    rows += rowsOf((JSON.parse(plan) as { readonly Plan: PlanNode }).Plan);
  });
  const connection = new LeaseConnection(() => client, systemClock);
  // Each statement tells its plan, also those in functions (PostgreSQL manual, F.3).
  const settings = `load 'auto_explain'; set auto_explain.log_min_duration = 0; set auto_explain.log_analyze = on;
    set auto_explain.log_timing = off; set auto_explain.log_nested_statements = on;
    set auto_explain.log_format = json; set auto_explain.log_level = notice`;
  await connection.request(REQUEST_MS, settings);
  const options = resolveShardsOptions({
    createClient: () => client,
    group: 'new',
    memberId: 'a',
    shards: SHARDS,
    lease: { ttlMs: 600_000 },
  });
  const store = new ShardStore(connection, options);
  const identity = { instance: randomUUID(), previous: undefined };
  const all = Array.from({ length: SHARDS }, (_, shard) => shard);
  const linear = async <T>(request: Promise<T>): Promise<T> => {
    rows = 0;
    const answer = await request;
    expect(rows).toBeGreaterThan(SHARDS);
    expect(rows).toBeLessThan(10 * SHARDS);
    return answer;
  };

  expect(await linear(store.join(identity, REQUEST_MS))).toMatchObject({ outcome: 'joined' });
  expect((await linear(store.look(REQUEST_MS))).unowned).toBe(SHARDS);
  const taken = await linear(store.take(identity, all, REQUEST_MS));
  expect(taken.size).toBe(SHARDS);
  expect((await linear(store.look(REQUEST_MS))).mine.size).toBe(SHARDS);
  expect(await linear(store.free(taken, REQUEST_MS))).toHaveLength(SHARDS);
  expect((await linear(store.take(identity, all, REQUEST_MS))).size).toBe(SHARDS);
  connection.close();
});
