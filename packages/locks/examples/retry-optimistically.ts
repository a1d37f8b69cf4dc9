import { updateVersioned, withOptimisticRetry } from '@holdfast/locks';
import { Pool } from 'pg';

interface Counter {
  readonly id: string;
  readonly value: number;
  readonly version: string;
}

const pool = new Pool({ connectionString: process.env['DATABASE_URL'] });
await pool.query(`create table if not exists example_counters
  (id text primary key, value int not null default 0, version bigint not null default 1)`);
await pool.query(`insert into example_counters values ('visits') on conflict do nothing`);

// Reads anew at each try, so no visit is lost, whoever else counts at the same moment.
const countVisit = (): Promise<Counter> =>
  withOptimisticRetry(async () => {
    const { rows } = await pool.query<Counter>(
      `select * from example_counters where id = 'visits'`,
    );
    const [read] = rows;
    if (read === undefined) throw new Error('no counter');
    return updateVersioned<Counter>(pool, {
      table: 'example_counters',
      id: read.id,
      expected: read.version,
      set: { value: read.value + 1 },
    });
  });

const counted = await Promise.all([countVisit(), countVisit(), countVisit()]);
console.log('counted up to', Math.max(...counted.map(({ value }) => value)));

await pool.end();
