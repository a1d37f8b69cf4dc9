import { withRowLock } from '@holdfast/locks';
import { Pool } from 'pg';

interface Account {
  readonly id: string;
  readonly balance: number;
}

const pool = new Pool({ connectionString: process.env['DATABASE_URL'] });
await pool.query(`create table if not exists example_accounts
  (id text primary key, balance int not null)`);
await pool.query(`insert into example_accounts values ('ann', 100), ('bob', 0)
  on conflict do nothing`);

const client = await pool.connect();
try {
  await client.query('begin');
  // Rows come in the order of `ids`, but are locked in the order of the table's key: no deadlock with bob to ann.
  const query = { table: 'example_accounts', ids: ['bob', 'ann'], wait: 2_000 };
  const moved = await withRowLock(client, query, async ([to, from]: Account[]) => {
    const amount = Math.min(from?.balance ?? 0, 30);
    const add = 'update example_accounts set balance = balance + $2 where id = $1';
    await client.query(add, [to?.id, amount]);
    await client.query(add, [from?.id, -amount]);
    return amount;
  });
  await client.query('commit');
  console.log('moved', moved);
} catch (error) {
  await client.query('rollback');
  throw error;
} finally {
  client.release();
}

await pool.end();
