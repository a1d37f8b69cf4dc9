import { expect, test } from 'vitest';
import type { PgClientLike, PgPoolLike } from '../../src/postgres/ports.ts';
import { runStatement } from '../../src/postgres/run-statement.ts';

/** A pool whose one client fails with each of `failures`, and then answers. */
function poolOf(...failures: (Error | undefined)[]) {
  const released: (Error | boolean | undefined)[] = [];
  let listeners = 0;
  const client: PgClientLike = {
    query: () => {
      const failure = failures.shift();
      return failure === undefined
        ? Promise.resolve({ rows: [{ ok: true }] })
        : Promise.reject(failure);
    },
    release: (error) => void released.push(error),
    on: () => (listeners += 1),
    removeListener: () => (listeners -= 1),
  };
  const pool: PgPoolLike = { connect: () => Promise.resolve(client) };
  return { pool, released, listeners: () => listeners };
}

const verdict = (code: string): Error =>
  Object.assign(new Error(code), { code, severity: 'ERROR' });

test.each(['40001', '40P01'])(
  'what was undone for another call (%s) is tried again',
  async (code) => {
    const { pool, released, listeners } = poolOf(verdict(code), verdict(code), verdict(code));

    expect(await runStatement(pool, 'SELECT')).toEqual([{ ok: true }]);
    expect(released).toEqual([false, false, false, false]);
    expect(listeners()).toBe(0);
  },
);

test('but not for ever', async () => {
  const { pool } = poolOf(...Array.from({ length: 4 }, () => verdict('40P01')));

  await expect(runStatement(pool, 'SELECT')).rejects.toMatchObject({ outcome: 'not-applied' });
});

test.each([
  ['23505', 'not-applied', false],
  ['57014', 'not-applied', false],
  ['25006', 'not-applied', false],
  ['57P01', 'unknown', true],
  ['08006', 'unknown', true],
  ['40003', 'unknown', true],
  ['XX000', 'unknown', true],
])('after %s the outcome is %s', async (code, result, isDestroyed) => {
  const { pool, released } = poolOf(verdict(code));

  await expect(runStatement(pool, 'SELECT')).rejects.toMatchObject({ outcome: result });
  expect(released).toEqual([isDestroyed]);
});

test('an error that is none of the server leaves it open, and destroys the connection', async () => {
  const { pool, released, listeners } = poolOf(
    Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }),
  );

  await expect(runStatement(pool, 'SELECT')).rejects.toMatchObject({ outcome: 'unknown' });
  expect(released).toEqual([true]);
  // What it has still to say must not end the process.
  expect(listeners()).toBe(1);
});

test('without a connection nothing has been applied', async () => {
  const pool: PgPoolLike = { connect: () => Promise.reject(new Error('none')) };

  await expect(runStatement(pool, 'SELECT')).rejects.toMatchObject({ outcome: 'not-applied' });
});
