import assert from 'node:assert/strict';
import { beforeCommit, retryOnDatabaseError } from '@holdfast/circuit-breaker/postgres';

const inTransaction = retryOnDatabaseError({ backoff: { baseMs: 5 } });

/** A serialization failure, or a connection that breaks before COMMIT, begins the whole transaction anew. */
const transfer = inTransaction.guard(async (cents: number) => {
  const client = await pool.connect();
  try {
    await client.query('begin isolation level serializable');
    await beforeCommit(() => client.query('update account set cents = cents - $1', [cents]));
    await client.query('commit');
    client.release();
  } catch (error) {
    client.release(true); // closes the connection, which rolls back
    throw error;
  }
});

/** Stands for a `pg.Pool` whose first two transactions fail. */
const log: string[] = [];
const failures = ['40001', 'ECONNRESET'];
const pool = {
  connect: () => Promise.resolve({ query, release: (_destroy?: boolean) => undefined }),
};
function query(text: string, _values?: readonly unknown[]): Promise<void> {
  log.push(text.split(' ', 1).join());
  const code = text.startsWith('update') ? failures.shift() : undefined;
  return code === undefined
    ? Promise.resolve()
    : Promise.reject(Object.assign(new Error(), { code }));
}

await transfer(250);

assert.deepEqual(log, ['begin', 'update', 'begin', 'update', 'begin', 'update', 'commit']);
