import { addVersionColumn } from '@holdfast/locks';
import { Pool } from 'pg';

const pool = new Pool({ connectionString: process.env['DATABASE_URL'], max: 1 });
await pool.query('create table if not exists example_nodes (id int primary key, name text)');

// One transaction, and no long wait for the table: whoever comes after the migration would wait behind it.
await pool.query('begin');
await pool.query(`set local lock_timeout = '3s'`);
for (const statement of addVersionColumn({ table: 'example_nodes', trigger: true })) {
  await pool.query(statement);
}
await pool.query('commit');

await pool.query(`insert into example_nodes values (1, 'hall') on conflict do nothing`);
await pool.query(`update example_nodes set name = 'old hall' where id = 1`);
const { rows } = await pool.query<{ version: string }>('select version from example_nodes');
console.log('counted by the trigger:', rows[0]?.version);

await pool.end();
