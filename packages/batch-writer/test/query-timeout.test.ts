import { createBatchWriter } from '@holdfast/batch-writer';
import { createTestDatabase } from '@holdfast/testkit';
import { expect, test } from 'vitest';

const timers = (): number =>
  process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length;

test('a pool with query_timeout keeps no timer, and with it no batch, for what is over', async () => {
  await using database = await createTestDatabase();
  await database.pool.query('CREATE TABLE rows (id int4 CHECK (id % 100 <> 99))');
  const pool = database.createPool({ query_timeout: 60_000, max: 1, idleTimeoutMillis: 0 });
  const writer = createBatchWriter<{ id: number }>({
    pool,
    table: 'rows',
    columns: { id: 'int4' },
    batch: { maxRows: 10 },
    lanes: 1,
  });
  const before = timers();
  for (let id = 0; id < 1000; id++) await writer.write({ id });
  const report = await writer.close();

  expect(report).toMatchObject({ accepted: 1000, stored: 990, rejected: 10 });
  expect(timers()).toBeLessThanOrEqual(before);
});
