import { updateVersioned, VersionConflictError } from '@holdfast/locks';
import { Pool } from 'pg';

interface Zone {
  readonly id: number;
  readonly setpoint: number;
  readonly version: number;
}

const pool = new Pool({ connectionString: process.env['DATABASE_URL'] });
await pool.query(`create table if not exists example_zones
  (id int primary key, setpoint int not null, version int not null default 1)`);
await pool.query(`insert into example_zones values (7, 20) on conflict do nothing`);

const { rows } = await pool.query<Zone>('select * from example_zones where id = 7');
const [read] = rows;
if (read === undefined) throw new Error('no zone 7');
const change = { table: 'example_zones', id: read.id, expected: read.version };

const updated = await updateVersioned<Zone>(pool, { ...change, set: { setpoint: 21 } });
console.log('now at version', updated.version);

try {
  await updateVersioned<Zone>(pool, { ...change, set: { setpoint: 19 } });
} catch (error) {
  if (!(error instanceof VersionConflictError)) throw error;
  console.log('somebody was faster, the row is now', error.current);
}

await pool.end();
