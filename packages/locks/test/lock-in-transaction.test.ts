import {
  createTestDatabase,
  type Pool,
  type PoolClient,
  type TestDatabase,
} from '@holdfast/testkit';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { createLocks, lockKey, type Locks } from '../src/index.ts';

let database: TestDatabase;
let pool: Pool;
let locks: Locks<PoolClient>;
let holder: PoolClient;

beforeAll(async () => {
  database = await createTestDatabase();
  pool = database.pool;
  locks = createLocks({ db: pool, namespace: 'test' });
  await pool.query('create table notes (text text primary key)');
  holder = await pool.connect();
  await holder.query(`begin; select pg_advisory_xact_lock(${lockKey('test', 'busy')})`);
});
beforeEach(async () => {
  await pool.query('truncate notes');
});
afterAll(async () => {
  await holder.query('rollback');
  holder.release();
  await database.close();
});

async function notes(): Promise<string[]> {
  const { rows } = await pool.query<{ text: string }>('select text from notes');
  return rows.map(({ text }) => text);
}
async function inMicrotasks(count: number): Promise<void> {
  for (let n = 0; n < count; n += 1) await Promise.resolve();
}
const codeOf = ({ code }: { readonly code: string }): string => code;

// At some of these moments the savepoint of the lock is open.
it.each([0, 1, 2, 3, 4, 5, 6])(
  'a write that was answered is kept, though a lock asked for %i microtasks before it is not free',
  async (microtasks) => {
    const written = await locks.runTransaction(async (tx) => {
      const locking = tx.lock('busy', { wait: 30 }).catch(codeOf);
      await inMicrotasks(microtasks);
      const writing = tx.query(`insert into notes values ('a')`).then(
        () => ['a'],
        () => [],
      );
      expect(await locking).toBe('LOCK_TIMEOUT');
      return writing;
    });

    expect(await notes()).toEqual(written);
  },
);

it('a write that was answered is kept, though one of several locks is not free at once', async () => {
  const written = await locks.runTransaction(async (tx) => {
    const nothing = (): Promise<void> => Promise.resolve();
    const locking = locks
      .withAdvisoryLocks(['free', 'busy'], nothing, { tx, wait: 'try' })
      .catch(codeOf);
    const writing = inMicrotasks(3)
      .then(() => tx.query(`insert into notes values ('a')`))
      .then(
        () => ['a'],
        () => [],
      );
    expect(await locking).toBe('LOCK_TIMEOUT');
    const other = createLocks({ db: pool, namespace: 'test' });
    expect(await other.tryAdvisoryLock('free', nothing)).toMatchObject({ acquired: true });
    return writing;
  });

  expect(await notes()).toEqual(written);
});

it('a lock asked for in a transaction that has failed tells of that, and hides nothing', async () => {
  const running = locks.runTransaction(async (tx) => {
    const failing = tx.query('select 1 / 0').catch(codeOf);
    await expect(tx.lock('busy', { wait: 30 })).rejects.toMatchObject({
      code: '25P02',
      cause: { code: '22012' },
    });
    expect(await failing).toBe('22012');
  });

  await expect(running).rejects.toMatchObject({
    code: 'TRANSACTION_ROLLED_BACK',
    cause: { code: '22012' },
  });
});
