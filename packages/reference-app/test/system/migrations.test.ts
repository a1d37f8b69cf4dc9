import { createTestDatabase } from '@holdfast/testkit';
import { expect, it } from 'vitest';
import { migrate } from '../../src/system/migrations.ts';

it('brings a database to the newest schema once, when several instances start together', async () => {
  await using database = await createTestDatabase();
  const pools = [database.pool, database.createPool(), database.createPool()];

  await Promise.all(pools.map((pool) => migrate(pool)));
  await migrate(database.pool);

  const { rows } = await database.pool.query<{ name: string }>(
    `select table_name as name from information_schema.tables
     where table_schema = 'public' order by table_name`,
  );
  expect(rows.map(({ name }) => name)).toEqual(
    expect.arrayContaining([
      'nodes',
      'telemetry_last',
      'telemetry_rejected',
      'telemetry_samples',
      'zones',
    ]),
  );
});
