import { systemClock } from '@holdfast/internal';
import { startPostgresServer } from '@holdfast/testkit';
import { Pool } from 'pg';
import { expect, it } from 'vitest';
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

it('ends no session of somebody else', async () => {
  await using server = await startPostgresServer();
  const pool = new Pool({ connectionString: server.url });
  const innocent = await pool.connect();
  await innocent.query('create table t (n int)');
  await innocent.query('begin');
  await innocent.query('insert into t values (1)');
  const { rows } = await innocent.query<Whereabouts>(SELECT_WHEREABOUTS);

  // Another run had given out the same number, to another process.
  const asking = resolveCommit(
    { ...rows[0]!, run: 'another', pid: rows[0]!.pid + 1 },
    { pool, clock: systemClock },
  );
  await new Promise((resolve) => setTimeout(resolve, 700));
  await innocent.query('commit');
  innocent.release();

  expect(await asking).toBe('unknown');
  await pool.end();
});
