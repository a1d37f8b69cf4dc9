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

it('says so when the database is of a newer version', async () => {
  await using database = await createTestDatabase();
  await migrate(database.pool);
  await database.pool.query(`insert into kysely_migration values ('9999_next', 'later')`);

  await expect(migrate(database.pool)).rejects.toThrow(
    'cannot set up the database: a newer version has changed it (migration 9999_next)',
  );
});
