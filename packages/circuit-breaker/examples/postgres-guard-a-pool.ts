import assert from 'node:assert/strict';
import { circuitBreaker, consecutive, pipeline, timeout } from '@holdfast/circuit-breaker';
import { guardPg, pgErrors } from '@holdfast/circuit-breaker/postgres';

/** Stands for a `pg.Pool` whose server is down. */
const pool = {
  totalCount: 0,
  query(text: string): Promise<{ rows: unknown[] }> {
    if (text === 'selec 1') return Promise.reject(coded('42601'));
    return Promise.reject(coded('ECONNREFUSED'));
  },
};
const database = circuitBreaker({ name: 'database', trip: consecutive(2), classify: pgErrors });
const guarded = guardPg(pool, pipeline(database, timeout({ ms: 2_000 })));

// A syntax error says nothing about the server; two connections that were refused do.
for (const code of ['42601', 'ECONNREFUSED', 'ECONNREFUSED', 'CIRCUIT_OPEN']) {
  await assert.rejects(guarded.query(code === '42601' ? 'selec 1' : 'select 1'), { code });
}
assert.equal(guarded.totalCount, 0);

function coded(code: string): Error {
  return Object.assign(new Error(code), { code });
}
