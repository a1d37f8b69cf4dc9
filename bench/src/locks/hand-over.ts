import { once } from 'node:events';
import { createLocks } from '@holdfast/locks';
import { spawnNode, startPostgresServer } from '@holdfast/testkit';
import { Pool } from 'pg';

/** How soon a holder learns that its connection is gone, and how soon another has the lock of a process that died. */
export async function measureHandOver(
  { smoke }: { readonly smoke: boolean },
  print: (line: object) => void,
): Promise<void> {
  await using server = await startPostgresServer();
  const pool = new Pool({ connectionString: server.url });
  pool.on('error', () => undefined);
  const locks = createLocks({ db: pool, namespace: 'bench' });
  const times = smoke ? 3 : 200;

  const losses: number[] = [];
  for (let n = 0; n < times; n += 1) {
    await locks
      .withSessionLock('lost', async ({ pg, signal }) => {
        const { rows } = await pg.query<{ pid: number }>('select pg_backend_pid() as pid');
        const startedMs = performance.now();
        const aborted = once(signal, 'abort');
        await pool.query('select pg_terminate_backend($1)', [rows[0]?.pid]);
        await aborted;
        losses.push(performance.now() - startedMs);
      })
      .catch(() => undefined);
  }
  print(
    line(
      'lock-loss',
      'milliseconds from a kill of the session to the abort of held.signal',
      losses,
      100,
    ),
  );

  const handOvers: number[] = [];
  for (let n = 0; n < (smoke ? 1 : 30); n += 1) {
    const file = new URL('holder.ts', import.meta.url);
    const holder = await spawnNode(file, [server.url]);
    await holder.next();
    const waiting = locks.withAdvisoryLock('handed over', () => Promise.resolve(performance.now()));
    // It is in the queue by then.
    while ((await locks.inspect('handed over')).waiters.length === 0);
    const startedMs = performance.now();
    await holder.kill();
    handOvers.push((await waiting) - startedMs);
  }
  print(
    line(
      'lock-hand-over',
      'milliseconds from SIGKILL of the holder to the next one',
      handOvers,
      250,
    ),
  );
  await pool.end();
}

function line(name: string, claim: string, values: readonly number[], target: number): object {
  const sorted = values.toSorted((one, other) => one - other);
  const at = (share: number): number =>
    Number((sorted[Math.ceil(share * sorted.length) - 1] ?? NaN).toPrecision(3));
  const p99 = at(0.99);
  return {
    name,
    claim: `${claim}, p99`,
    ours: { p50: at(0.5), p99, max: at(1) },
    target,
    ok: p99 <= target,
  };
}
