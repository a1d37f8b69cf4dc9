import { createTestDatabase, type TestDatabase } from '@holdfast/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { audit } from '../../src/demo/audit.ts';
import { Expectations } from '../../src/demo/expectations.ts';
import { migrate } from '../../src/system/migrations.ts';
import { parseTimestamp } from '../../src/system/timestamp.ts';

const TIMES = [
  '2024-01-01T00:00:00.000001Z',
  '2024-01-01T00:00:00.000002Z',
  '2024-01-01T00:00:01Z',
];
let database: TestDatabase;
let expectations: Expectations;

beforeAll(async () => {
  database = await createTestDatabase();
  await migrate(database.pool);
});
afterAll(() => database.close());

beforeEach(async () => {
  const { pool } = database;
  await pool.query('truncate zones, nodes, telemetry_samples, telemetry_last cascade');
  await pool.query(`insert into zones (uid) values ('z')`);
  await pool.query(`insert into nodes (uid, zone_id) select 'a', id from zones`);
  expectations = new Expectations();
  for (const [n, time] of TIMES.entries()) {
    expectations.add('a', parseTimestamp(time) ?? NaN, { x: n, y: -n });
    for (const [metric, value] of [
      ['x', n],
      ['y', -n],
    ] as const) {
      await pool.query(`insert into telemetry_samples select id, $1, $2, $3 from nodes`, [
        metric,
        time,
        value,
      ]);
    }
  }
  await pool.query(`
    insert into telemetry_last
    select distinct on (node_id, metric) * from telemetry_samples order by node_id, metric, ts desc`);
});

describe('audit', () => {
  it('finds everything where everything is', async () => {
    expect(await audit(database.pool, expectations)).toEqual({
      nodes: 1,
      series: 2,
      lost: 0,
      stale: 0,
    });
  });

  it.each([
    ['a missing sample', `delete from telemetry_samples where metric = 'x' and value = 1`, 1, 0],
    [
      'a sample with another value',
      `update telemetry_samples set value = 99 where value = -1`,
      1,
      0,
    ],
    [
      'samples a microsecond off',
      `update telemetry_samples set ts = ts + interval '3 us' where metric = 'x'`,
      3,
      0,
    ],
    ['a missing latest value', `delete from telemetry_last where metric = 'x'`, 0, 1],
    ['a latest value that went back', `update telemetry_last set ts = ts - interval '1 us'`, 0, 2],
    [
      'a latest value of another sample',
      `update telemetry_last set value = 7 where metric = 'y'`,
      0,
      1,
    ],
    ['a node that is not registered', `delete from nodes`, 6, 2],
  ])('reports %s', async (_what, damage, lost, stale) => {
    await database.pool.query(damage);

    expect(await audit(database.pool, expectations)).toMatchObject({ lost, stale });
  });

  it('takes any of the values of a time that was published with several', async () => {
    expectations.add('a', parseTimestamp(TIMES[0]) ?? NaN, { x: 5 });
    await database.pool.query(
      `update telemetry_samples set value = 5 where metric = 'x' and value = 0`,
    );

    expect(await audit(database.pool, expectations)).toMatchObject({ lost: 0 });

    await database.pool.query(`update telemetry_samples set value = 6 where value = 5`);
    expect(await audit(database.pool, expectations)).toMatchObject({ lost: 1 });
  });
});
