import { createLocks, isHoldfastError, leaseSchema } from '@holdfast/locks';
import { Redis } from 'ioredis';
import { Pool } from 'pg';

const pool = new Pool({ connectionString: process.env['DATABASE_URL'] });
pool.on('error', (error) => console.error('an idle connection died', error));
const client = new Redis(process.env['REDIS_URL'] ?? '', { enableOfflineQueue: false });
client.on('error', ({ message }) => console.error('Redis is away:', message));
await new Promise((resolve) => client.once('ready', resolve));
const locks = createLocks({ db: pool, redis: { client }, namespace: 'greenhouse' });
for (const statement of leaseSchema()) await pool.query(statement);

/** One of many processes that wake up at the same time. */
async function reportOnce(): Promise<string> {
  try {
    await locks.withTwoTierLock(
      ['report', 'daily'],
      () => new Promise((resolve) => setTimeout(resolve, 200)),
      { wait: 'try' },
    );
    return 'made the report';
  } catch (error) {
    if (!isHoldfastError(error, 'LOCK_TIMEOUT')) throw error;
    return 'left it to another';
  }
}
console.log(await Promise.all([reportOnce(), reportOnce()]));

client.disconnect();
await pool.end();
