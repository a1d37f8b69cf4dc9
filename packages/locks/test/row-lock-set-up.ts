import { createTestDatabase, type PoolClient, type TestDatabase } from '@holdfast/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import type { RowLockTransaction } from '../src/rows/row-lock-transaction.ts';
import { withRowLock, type RowGap, type RowLockQuery } from '../src/rows/row-lock.ts';

export interface Item {
  readonly id: number;
  readonly value: number;
}

/** Of the file that has called `useItems`: each file of tests has this module for itself. */
export let database: TestDatabase;
const clients: PoolClient[] = [];

/** Gives the tests of a file tables to lock rows of; `items` has the rows 1 to 20 before each test. */
export function useItems(): void {
  beforeAll(async () => {
    database = await createTestDatabase();
    await database.pool.query(`
      create table items (id int primary key, value int not null default 0);
      create table big (id bigint primary key);
      create table named (id text primary key);
      create table uuids (id uuid primary key);
      create schema "Odd ""one""";
      create table "Odd ""one"""."the; table" ("Key" varchar(9) primary key)`);
  });
  afterAll(() => database.close());

  beforeEach(async () => {
    // Physically in the reverse order of the ids.
    await database.pool.query(`
    truncate items; insert into items (id) select n from generate_series(20, 1, -1) n`);
  });

  afterEach(async () => {
    for (const client of clients.splice(0)) {
      await client.query('rollback');
      await client.query('reset lock_timeout');
      client.release();
    }
  });
}

/** A client with a transaction open, rolled back after the test. */
export async function begin(how = 'begin'): Promise<PoolClient> {
  const client = await database.pool.connect();
  clients.push(client);
  await client.query(how);
  return client;
}

export const take = (
  tx: RowLockTransaction,
  query: Omit<RowLockQuery<number>, 'table'>,
): Promise<{ rows: Item[]; gap: RowGap<number> }> =>
  withRowLock(tx, { table: 'items', ...query }, async (rows: Item[], gap) => ({ rows, gap }));

export const idsOf = (rows: readonly { readonly id: unknown }[]): unknown[] =>
  rows.map(({ id }) => id);

/** Resolves when the backend of `client` waits for a lock. */
export async function isWaiting(client: PoolClient): Promise<void> {
  const { processID } = client as unknown as { processID: number };
  const waiting = `select 1 from pg_stat_activity where pid = $1 and wait_event_type = 'Lock'`;
  await expect
    .poll(async () => (await database.pool.query<object>(waiting, [processID])).rows, {
      interval: 2,
    })
    .toHaveLength(1);
}
