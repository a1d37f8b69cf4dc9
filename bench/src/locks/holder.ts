/** Holds a lock until it is killed. Argument: URL. */
import { createLocks } from '@holdfast/locks';
import { Pool } from 'pg';

const pool = new Pool({ connectionString: process.argv[2] });
await createLocks({ db: pool, namespace: 'bench' }).withAdvisoryLock('handed over', async () => {
  process.stdout.write('"held"\n');
  await new Promise((resolve) => setTimeout(resolve, 600_000));
});
