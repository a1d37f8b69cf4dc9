import { createLocks } from '@holdfast/locks';
import { Pool } from 'pg';

const pool = new Pool({ connectionString: process.env['DATABASE_URL'] });
pool.on('error', (error) => console.error('an idle connection died', error));
const locks = createLocks({ db: pool, namespace: 'bank' });
await pool.query('create table if not exists example_ledger (account text, cents int)');

const deposit = (account: string, cents: number): Promise<void> =>
  locks.runTransaction(async (tx) => {
    await tx.query('insert into example_ledger values ($1, $2)', [account, cents]);
  });

const total = await locks.runTransaction(
  async (tx) => {
    // Inside another transaction it is a savepoint of that one.
    await deposit('ann', -30);
    await deposit('bob', 30);
    // Not before it is committed, and once, however often the transaction was tried.
    tx.afterCommit(() => console.log('told the customers'));
    const { rows } = await tx.query<{ sum: string }>('select sum(cents) from example_ledger');
    return rows[0]?.sum;
  },
  { isolation: 'serializable' }, // what others do at the same time makes it run again, as a whole
);
console.log('the books add up to', total);

await pool.end();
