import { systemClock } from '@holdfast/internal';
import { createFakeClock, startPostgresServer } from '@holdfast/testkit';
import { Pool } from 'pg';
import { expect, it } from 'vitest';
import type { PgPoolLike } from '../src/ports.ts';
import {
  resolveCommit,
  SELECT_WHEREABOUTS,
  type Whereabouts,
} from '../src/transactions/resolve-commit.ts';

it('believes no number that is committed in another run of the server, one that a crash has begun too', async () => {
  await using server = await startPostgresServer();
  const pool = new Pool({ connectionString: server.url });
  pool.on('error', () => undefined);
  const client = await pool.connect();
  client.on('error', () => undefined);
  await client.query('create table t (n int)');
  await client.query('begin');
  await client.query('insert into t values (1)');
  const { rows } = await client.query<Whereabouts>(SELECT_WHEREABOUTS);
  const where = rows[0]!;
  await client.query('commit');
  const ask = (at: Whereabouts) => resolveCommit(at, { pool, clock: systemClock });
  const before = await ask(where);

  // The postmaster lives on, and begins anew with all its processes, as after one that was killed for want of memory.
  process.kill(where.pid, 'SIGKILL');
  client.release(true);
  const runNow = async (): Promise<string | undefined> => {
    const now = await pool.query<Whereabouts>(SELECT_WHEREABOUTS).catch(() => undefined);
    return now?.rows[0]?.run ?? where.run;
  };
  while ((await runNow()) === where.run);
  const after = await ask(where);
  const unborn = await ask({ ...where, xid: String(BigInt(where.xid!) + 1_000_000n) });

  expect([before, after, unborn]).toEqual(['committed', 'unknown', 'aborted']);
  await pool.end();
});

/** A pool that counts how many times a session was to be ended. */
function watchedPool(pool: Pool): PgPoolLike & { readonly endings: number } {
  let endings = 0;
  return {
    get endings() {
      return endings;
    },
    async connect() {
      const client = await pool.connect();
      const query = async (text: string, values?: unknown[]): Promise<unknown> => {
        const answer = await client.query(text, values);
        if (text.includes('pg_terminate_backend')) endings += 1;
        return answer;
      };
      return Object.assign(Object.create(client) as typeof client, { query });
    },
  };
}

it('ends no session of somebody else', async () => {
  await using server = await startPostgresServer();
  const pool = new Pool({ connectionString: server.url });
  const innocent = await pool.connect();
  await innocent.query('create table t (n int)');
  await innocent.query('begin');
  await innocent.query('insert into t values (1)');
  const { rows } = await innocent.query<Whereabouts>(SELECT_WHEREABOUTS);

  // Another run had given out the same number, to another process.
  const clock = createFakeClock();
  const watched = watchedPool(pool);
  const asking = resolveCommit(
    { ...rows[0]!, run: 'another', pid: rows[0]!.pid + 1 },
    { pool: watched, clock },
  );
  // Of the two timers one is of the pause between two questions.
  while (watched.endings === 0) await clock.advance(clock.pending() === 2 ? 100 : 0);
  await innocent.query('commit');
  innocent.release();
  let verdict: string | undefined;
  void asking.then((given) => (verdict = given));
  while (verdict === undefined) await clock.advance(clock.pending() === 2 ? 100 : 0);

  expect(verdict).toBe('unknown');
  await pool.end();
});
