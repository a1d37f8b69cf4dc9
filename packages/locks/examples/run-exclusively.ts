import { createLocks } from '@holdfast/locks';
import { Pool } from 'pg';

const pool = new Pool({ connectionString: process.env['DATABASE_URL'] });
pool.on('error', (error) => console.error('an idle connection died', error));
const locks = createLocks({ db: pool, namespace: 'greenhouse' });

// Only one process at a time runs this for zone 7; the lock ends with the transaction.
const now = await locks.withAdvisoryLock(['zone', 7], async (tx) => {
  const { rows } = await tx.query<{ now: Date }>('select now()');
  return rows[0]?.now;
});
console.log('the zone was ours at', now);

await pool.end();
