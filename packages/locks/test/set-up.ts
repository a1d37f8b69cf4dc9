import {
  createTestDatabase,
  type Pool,
  type PoolClient,
  type TestDatabase,
} from '@holdfast/testkit';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import { createLocks, type Locks, type Transaction } from '../src/index.ts';

/** Of the file that has called `useLocks`: each file of tests has this module for itself. */
export let database: TestDatabase;
export let pool: Pool;
/** Others for each test. */
export let locks: Locks<PoolClient>;

/** Gives the tests of a file a database in which `tables` has been run once, and `rows` runs before each of them. */
export function useLocks({ tables = '', rows = '' } = {}): void {
  beforeAll(async () => {
    database = await createTestDatabase();
    pool = database.pool;
    await pool.query(tables);
  });
  beforeEach(async () => {
    locks = createLocks({ db: pool, namespace: 'test' });
    await pool.query(rows);
  });
  afterAll(() => database.close());
}

/** For `useLocks`: a table for `note`. */
export const NOTES = {
  tables: 'create table notes (text text primary key)',
  rows: 'truncate notes',
};

export const note = (tx: Pick<Transaction, 'query'>, text: string): Promise<unknown> =>
  tx.query('insert into notes values ($1)', [text]);

export async function notes(): Promise<string[]> {
  const { rows } = await pool.query<{ text: string }>('select text from notes order by text');
  return rows.map(({ text }) => text);
}

export const pidOf = async ({ pg }: { readonly pg: PoolClient }): Promise<number> =>
  (await pg.query<{ pid: number }>('select pg_backend_pid() as pid')).rows[0]!.pid;
