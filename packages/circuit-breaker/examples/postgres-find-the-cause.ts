import assert from 'node:assert/strict';
import { observeQueries } from '@holdfast/circuit-breaker/postgres';

/** Stands for a `pg.Pool` with one client, in whose transaction the first statement fails. */
const answers = ['23505', '25P02'];
const client = {
  query: (_text: string, _values?: readonly unknown[]): Promise<unknown> =>
    Promise.reject(Object.assign(new Error('it failed'), { code: answers.shift() })),
};
const pool = { query: client.query, connect: () => Promise.resolve(client) };

const told: string[] = [];
const stop = observeQueries(pool, {
  slowMs: 500,
  onSlow: ({ sql, durationMs, caller }) => told.push(`${durationMs} ms: ${sql}, ${caller ?? ''}`),
  onError({ sql, sqlState, parameters, rootCause }) {
    told.push(`${sqlState ?? ''}: ${sql} [${parameters.join()}]`);
    if (rootCause !== undefined) told.push(`  because of ${rootCause.sql}`);
  },
});

const { query } = await pool.connect();
await query('insert into users values ($1, $2)', [1, 'ann@example.org']).catch(() => 'swallowed');
await query('select 1').catch(() => 'current transaction is aborted');
stop();

assert.deepEqual(told, [
  '23505: insert into users values ($1, $2) [number,string(15)]',
  '25P02: select 1 []',
  '  because of insert into users values ($1, $2)',
]);
