import { createTestDatabase, type PoolClient, type TestDatabase } from '@holdfast/testkit';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import {
  createLocks,
  leaseSchema,
  lockKey,
  withRowLock,
  type Lease,
  type Locks,
} from '../src/index.ts';

let database: TestDatabase;
let locks: Locks<PoolClient>;
let lease: Lease;

beforeAll(async () => {
  database = await createTestDatabase();
  for (const statement of leaseSchema()) await database.pool.query(statement);
  await database.pool.query(`
    create table items (id int primary key);
    insert into items values (1)`);
});
afterAll(() => database.close());

beforeEach(async () => {
  // Of a holder whose clock stands still: only the server can refuse it.
  const clock = { now: () => 0, wallNow: () => 0, setTimer: () => ({ cancel: () => undefined }) };
  const stopped = createLocks({ db: database.pool, namespace: 'test', clock });
  locks = createLocks({ db: database.pool, namespace: 'test' });
  await database.pool.query(`update holdfast_leases set expires_at = '-infinity'`);
  lease = await stopped.acquireLease('plan');
});

/** Somebody else tries to take the lease over once it has expired. */
async function tryTakeOver(): Promise<string> {
  await database.pool.query('update holdfast_leases set expires_at = clock_timestamp()');
  return locks.acquireLease('plan', { wait: 'try' }).then(
    () => 'taken over',
    () => 'kept out',
  );
}

function codeOf(error: unknown): unknown {
  return (error as { readonly code?: unknown }).code;
}

async function inMicrotasks(count: number): Promise<void> {
  for (let n = 0; n < count; n += 1) await Promise.resolve();
}

// At some of these moments the savepoint of the other call is open.
it.each([0, 1, 2, 3, 4, 5, 6, 7])(
  'a guard that is asked for %i microtasks after a lock that fails outlives it',
  async (microtasks) => {
    const holder = await database.pool.connect();
    await holder.query(`begin; select pg_advisory_xact_lock(${lockKey('test', 'busy')})`);

    const seen = await locks.runTransaction(async (tx) => {
      const failing = tx.lock('busy', { wait: 50 }).catch(codeOf);
      await inMicrotasks(microtasks);
      await lease.guard(tx);
      return [await failing, await tryTakeOver()];
    });
    await holder.query('rollback');
    holder.release();

    expect(seen).toEqual(['LOCK_TIMEOUT', 'kept out']);
  },
);

it.each([0, 1, 2, 3, 4, 5, 6, 7])(
  'a guard on a client that is asked for %i microtasks after a lock of rows that fails outlives it',
  async (microtasks) => {
    const [holder, client] = [await database.pool.connect(), await database.pool.connect()];
    await holder.query('begin; select from items for update');

    await client.query('begin');
    const query = { table: 'items', ids: [1], wait: 'nowait' } as const;
    const failing = withRowLock(client, query, () => Promise.resolve()).catch(codeOf);
    await inMicrotasks(microtasks);
    await lease.guard(client);
    const seen = [await failing, await tryTakeOver()];
    for (const each of [holder, client]) {
      await each.query('rollback');
      each.release();
    }

    expect(seen).toEqual(['ROW_LOCK_TIMEOUT', 'kept out']);
  },
);

it('a guard of the transaction is refused inside a savepoint, which could undo it', async () => {
  const failure = new Error('undone');
  const undone = locks.runTransaction(async (tx) => {
    const refused = tx.savepoint(async () => {
      await lease.guard(tx);
      throw failure;
    });
    await expect(refused).rejects.toThrow(TypeError);
    return tryTakeOver();
  });

  // Nothing was said to be guarded.
  expect(await undone).toBe('taken over');
});

it('a guard of the savepoint holds until the transaction ends, unless the savepoint is undone', async () => {
  const seen = await locks.runTransaction(async (tx) => {
    await tx.savepoint((inner) => lease.guard(inner));
    const released = await tryTakeOver();
    await lease.guard(tx);
    return [released, await tryTakeOver()];
  });

  expect(seen).toEqual(['kept out', 'kept out']);
});
