import { setTimeout as sleep } from 'node:timers/promises';
import { createLocks } from '@holdfast/locks';
import { Pool } from 'pg';

const pool = new Pool({ connectionString: process.env['DATABASE_URL'] });
pool.on('error', (error) => console.error('an idle connection died', error));
// Locks that are held for long have connections of their own, so that the others are never used up.
const lockDb = new Pool({ connectionString: process.env['DATABASE_URL'], max: 2 });
lockDb.on('error', (error) => console.error('an idle connection died', error));
const locks = createLocks({ db: pool, lockDb, namespace: 'greenhouse' });

const steps = await locks.withSessionLock('nightly report', async ({ signal, assertHeld }) => {
  let done = 0;
  for (; done < 3; done += 1) {
    await sleep(10, undefined, { signal }); // ends when the lock is lost
  }
  await assertHeld(); // before what must not be done twice
  return done;
});
console.log('steps done', steps);

await Promise.all([pool.end(), lockDb.end()]);
