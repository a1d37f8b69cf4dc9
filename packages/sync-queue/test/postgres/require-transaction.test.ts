import { Kysely, PostgresDialect } from 'kysely';
import { Client, Pool } from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import { requireTransaction } from '../../src/postgres/require-transaction.ts';

test('takes a client, and a transaction of Kysely', () => {
  const client = new Client();
  const transaction = { withoutPlugins: () => undefined, isTransaction: true };

  expect(requireTransaction(client)).toBe(client);
  expect(requireTransaction(transaction)).toBe(transaction);
});

test('refuses pools, which would run it outside of any transaction', () => {
  const pool = new Pool();
  const db = new Kysely<object>({ dialect: new PostgresDialect({ pool }) });
  onTestFinished(() => pool.end());

  expect(() => requireTransaction(pool)).toThrow('got a pool');
  expect(() => requireTransaction(db)).toThrow('got a Kysely that is in none');
});

test.each([
  ['postgres://user:secret@host/db', 'a string'],
  [{}, 'an object without query'],
  [null, 'null'],
  [() => 1, 'a function'],
])('refuses %s', (given, got) => {
  expect(() => requireTransaction(given)).toThrow(
    expect.objectContaining({
      code: 'TRANSACTION_INVALID',
      message: `transaction must be a client of pg after BEGIN, or a transaction of Kysely, got ${got}`,
    }),
  );
});
