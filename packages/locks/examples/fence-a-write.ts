import { createLocks, isHoldfastError, leaseSchema } from '@holdfast/locks';
import { Pool } from 'pg';

const pool = new Pool({ connectionString: process.env['DATABASE_URL'] });
pool.on('error', (error) => console.error('an idle connection died', error));
const locks = createLocks({ db: pool, namespace: 'greenhouse' });
for (const statement of leaseSchema()) await pool.query(statement);
await pool.query(`create table if not exists example_plans
  (zone int primary key, plan text not null)`);

/** Work that takes long, and stops when the lease is lost. */
async function makePlan(zone: number, signal: AbortSignal): Promise<string> {
  await new Promise((resolve) => setTimeout(resolve, 100));
  signal.throwIfAborted();
  return `water zone ${zone} at six`;
}

try {
  await locks.withLease(
    ['plan', 7],
    async (lease) => {
      const plan = await makePlan(7, lease.signal);
      await locks.runTransaction(async (tx) => {
        // From here to the commit nobody can take the lease over: what is written is not stale.
        await lease.guard(tx);
        const write =
          'insert into example_plans values (7, $1) on conflict (zone) do update set plan = $1';
        await tx.query(write, [plan]);
      });
      console.log('written with token', lease.token);
    },
    { ttlMs: 10_000 },
  );
} catch (error) {
  if (!isHoldfastError(error, 'LOCK_LOST') && !isHoldfastError(error, 'STALE_TOKEN')) throw error;
  console.log('somebody else has the lease now, and nothing stale was written:', error.message);
}

await pool.end();
