import { createLocks, leaseSchema } from '@holdfast/locks';
import { Pool } from 'pg';

const pool = new Pool({ connectionString: process.env['DATABASE_URL'] });
pool.on('error', (error) => console.error('an idle connection died', error));
const locks = createLocks({ db: pool, namespace: 'greenhouse' });
for (const statement of leaseSchema()) await pool.query(statement);
await pool.query('create table if not exists example_valves (id int primary key, setpoint int)');
await pool.query('insert into example_valves values (7, 18) on conflict do nothing');

const lease = await locks.acquireLease(['zone', 7]);
const text = `update example_valves set setpoint = 21 where id = 7 and ${lease.guardSql()}`;
// 0 rows: the token is stale.
console.log('rows written while it is held:', (await pool.query(text)).rowCount);
await lease.release();

const next = await locks.acquireLease(['zone', 7]);
console.log('rows written once', next.token, 'is out:', (await pool.query(text)).rowCount);
await next.release();

await pool.end();
