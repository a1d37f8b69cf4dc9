import { createDeferred } from '@holdfast/internal';
import { startPgbouncerServer, type PoolClient } from '@holdfast/testkit';
import { afterEach, describe, expect, it } from 'vitest';
import { createLocks, type Transaction } from '../src/index.ts';
import { database, locks, pool, useLocks } from './set-up.ts';

useLocks({
  tables: 'create table counter (value int not null)',
  rows: 'truncate counter; insert into counter values (0)',
});
afterEach(async () => {
  const { rows } = await pool.query(`select from pg_locks where locktype = 'advisory'
    and database = (select oid from pg_database where datname = current_database())`);
  expect([rows, pool.totalCount - pool.idleCount]).toEqual([[], 0]);
});

const nothing = (): Promise<void> => Promise.resolve();

/** Holds the locks while `meanwhile` runs. */
async function holding<T>(
  key: string,
  meanwhile: () => Promise<T>,
  options: { readonly shared?: boolean } = {},
): Promise<T> {
  const holds = createDeferred<void>();
  const done = createDeferred<void>();
  const running = locks.withAdvisoryLock(
    key,
    () => {
      holds.resolve();
      return done.promise;
    },
    options,
  );
  await holds.promise;
  try {
    // Out of the call that holds the lock: it is somebody else who asks.
    return await meanwhile();
  } finally {
    done.resolve();
    await running;
  }
}

describe('tryAdvisoryLock', () => {
  it('gives the value when the lock is free', async () => {
    expect(await locks.tryAdvisoryLock('free', () => Promise.resolve(5))).toEqual({
      acquired: true,
      value: 5,
    });
  });

  it('says who holds the lock when it is not', async () => {
    const outcome = await holding('taken', () => locks.tryAdvisoryLock('taken', nothing));

    expect(outcome).toMatchObject({
      acquired: false,
      holders: [{ pid: expect.any(Number) as number, state: 'idle in transaction' }],
    });
  });

  it("does not take a time-out of the function's own for its answer", async () => {
    const outcome = holding('inner', () =>
      locks.tryAdvisoryLock('outer', () =>
        locks.withAdvisoryLock('inner', nothing, { wait: 'try' }),
      ),
    );

    await expect(outcome).rejects.toMatchObject({ code: 'LOCK_TIMEOUT', key: 'test/inner' });
  });
});

it('tryAdvisoryLock says who holds the lock also when that is found out at its second try', async () => {
  const other = createLocks({ db: pool, namespace: 'test' });
  // Of the longest pause: the other one has the lock by then.
  const patient = createLocks({ db: pool, namespace: 'test', random: () => 0.999 });
  const done = createDeferred<void>();
  let holder: Promise<void> | undefined;
  patient.on('retry', () => {
    holder = other.withAdvisoryLock('k', () => done.promise);
  });
  const outcome = await patient
    .tryAdvisoryLock(
      'k',
      () => Promise.reject(Object.assign(new Error('deadlock'), { code: '40P01' })),
      { retry: { baseMs: 200, capMs: 200 } },
    )
    .catch((error: unknown) => error);
  done.resolve();
  await holder;

  expect(outcome).toMatchObject({ acquired: false });
});

describe('shared locks', () => {
  it('are held by many at once, and keep exclusive ones out', async () => {
    const shared = { shared: true };
    const outcomes = await holding(
      'doc',
      async () => [
        await locks.tryAdvisoryLock('doc', () => Promise.resolve('shared'), shared),
        await locks.tryAdvisoryLock('doc', () => Promise.resolve('exclusive')),
      ],
      { shared: true },
    );

    expect(outcomes).toMatchObject([{ value: 'shared' }, { acquired: false }]);
  });

  it('wait for an exclusive one', async () => {
    const outcome = await holding('doc', () =>
      locks.tryAdvisoryLock('doc', nothing, { shared: true }),
    );

    expect(outcome.acquired).toBe(false);
  });
});

describe('withAdvisoryLocks', () => {
  it('never deadlocks, whatever order its callers give', async () => {
    const keys = ['a', 'b', 'c', 'd'];
    const orders = Array.from({ length: 40 }, (_, n) => (n % 2 === 0 ? keys : keys.toReversed()));

    await Promise.all(orders.map((order) => locks.withAdvisoryLocks(order, nothing)));

    expect(locks.snapshot()).toMatchObject({ acquired: 40, timedOut: 0 });
  });

  it('deadlocks when each takes them in its own order (negative control)', async () => {
    let taken = 0;
    const both = createDeferred<void>();
    const take = ([first, second]: readonly [string, string]) =>
      locks.runTransaction(
        async (tx) => {
          await tx.lock(first);
          taken += 1;
          if (taken === 2) both.resolve();
          await both.promise;
          await tx.lock(second);
        },
        { retry: false },
      );

    const outcomes = await Promise.allSettled([take(['a', 'b']), take(['b', 'a'])]);

    expect(outcomes.filter(({ status }) => status === 'rejected')).toMatchObject([
      { reason: { code: '40P01' } },
    ]);
  }, 15_000);

  it('takes each key once, and names all that it waits for', async () => {
    const running = holding('b', () =>
      locks.withAdvisoryLocks(['b', 'a', 'b'], nothing, { wait: 20 }),
    );

    await expect(running).rejects.toMatchObject({ code: 'LOCK_TIMEOUT', key: 'test/b + test/a' });
  });

  it('holds none of them when one is not free', async () => {
    await holding('b', async () => {
      for (const wait of ['try', 20] as const) {
        await expect(
          locks.withAdvisoryLocks(['a', 'b', 'c'], nothing, { wait }),
        ).rejects.toMatchObject({ code: 'LOCK_TIMEOUT' });
      }
      for (const key of ['a', 'c']) {
        expect(await locks.tryAdvisoryLock(key, nothing)).toMatchObject({ acquired: true });
      }
    });
  });
});

describe('a lock in a transaction of the caller', () => {
  it('ends with that transaction, also through its savepoints', async () => {
    await locks.runTransaction(async (tx) => {
      const inside = await locks.withAdvisoryLock('mine', (same) => Promise.resolve(same), { tx });
      expect(inside).toBe(tx);
      await tx.lock('again');
      await tx.lock('again');
      const seen = await Promise.all(
        // Not by this call, which would be told of its own lock.
        ['mine', 'again'].map((key) => askElsewhere(key)),
      );
      expect(seen).toEqual([false, false]);
    });
  });

  it('leaves the transaction as it was when the wait is too long', async () => {
    await holding('busy', () =>
      locks.runTransaction(
        async (tx) => {
          await tx.query('update counter set value = 1');
          await expect(tx.lock('busy', { wait: 20 })).rejects.toMatchObject({
            code: 'LOCK_TIMEOUT',
            holders: [{ state: 'idle in transaction' }],
          });
          await expect(tx.lock('busy', { wait: 'try' })).rejects.toMatchObject({
            code: 'LOCK_TIMEOUT',
          });
          const { rows } = await tx.query<{ value: string }>('show lock_timeout');
          expect(rows).toEqual([{ lock_timeout: '77ms' }]);
        },
        { timeouts: { lockMs: 77 } },
      ),
    );

    expect((await pool.query('select value from counter')).rows).toEqual([{ value: 1 }]);
  });

  it('is not given back by another one that fails at the same time', async () => {
    await holding('busy', () =>
      locks.runTransaction(async (tx) => {
        const both = ['free', 'busy'].map((key) => tx.lock(key, { wait: 20 }));
        expect((await Promise.allSettled(both)).map(({ status }) => status)).toEqual([
          'fulfilled',
          'rejected',
        ]);
        expect(await askElsewhere('free')).toBe(false);
      }),
    );
  });

  it('is free again when the savepoint that took it is undone', async () => {
    await locks.runTransaction(async (tx) => {
      const undone = tx.savepoint(async (inner) => {
        await inner.lock('inner');
        throw new Error('no');
      });
      await expect(undone).rejects.toThrow('no');

      // Also by this very call, on another connection.
      expect(await locks.withAdvisoryLock('inner', () => Promise.resolve(5))).toBe(5);
    });
  });

  it('is refused above read committed, where its snapshot would be older than the lock', async () => {
    const running = locks.runTransaction((tx) => tx.lock('late'), { isolation: 'serializable' });

    await expect(running).rejects.toMatchObject({ code: 'SNAPSHOT_TOO_OLD' });
  });

  it('is refused in what is no transaction of these locks', () => {
    const tx = { query: () => Promise.resolve({ rows: [] }) } as unknown as Transaction<PoolClient>;

    expect(() => locks.withAdvisoryLock('k', nothing, { tx })).toThrow(
      new TypeError('tx must be the transaction of a call of these locks'),
    );
  });
});

async function askElsewhere(key: string): Promise<boolean> {
  const other = createLocks({ db: pool, namespace: 'test' });
  return (await other.tryAdvisoryLock(key, nothing)).acquired;
}

describe('isolation above read committed', () => {
  /** Adds one, as it has read it: 20 of them at once lose none when each sees what the one before has written. */
  const addAll = async (add: (work: (tx: Transaction) => Promise<void>) => Promise<void>) => {
    const work = async (tx: Transaction): Promise<void> => {
      const { rows } = await tx.query<{ value: number }>('select value from counter');
      await tx.query('update counter set value = $1', [rows[0]!.value + 1]);
    };
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => add(work)));
    const { rows } = await pool.query<{ value: number }>('select value from counter');
    return {
      value: rows[0]?.value,
      failed: outcomes.filter(({ status }) => status === 'rejected'),
    };
  };

  it.each(['repeatable read', 'serializable'] as const)(
    'sees at %s what the holder before has written, without a retry',
    async (isolation) => {
      const { value, failed } = await addAll((work) =>
        locks.withAdvisoryLock('counter', work, { isolation }),
      );

      expect([value, failed]).toEqual([20, []]);
    },
  );

  it('fails when the lock is taken inside the transaction (negative control)', async () => {
    const { failed } = await addAll((work) =>
      locks.runTransaction(
        async (tx) => {
          await tx.query(`select pg_advisory_xact_lock(1)`);
          await work(tx);
        },
        { isolation: 'repeatable read', retry: false },
      ),
    );

    expect(failed.length).toBeGreaterThan(0);
    expect(failed[0]).toMatchObject({ reason: { code: '40001' } });
  });

  it('gives up after the wait, and gives its connection back clean', async () => {
    const running = holding('k', () =>
      locks.withAdvisoryLock('k', nothing, { isolation: 'serializable', wait: 20 }),
    );

    await expect(running).rejects.toMatchObject({ code: 'LOCK_TIMEOUT' });
    expect((await pool.query('show lock_timeout')).rows).toEqual([{ lock_timeout: '0' }]);
  });

  it('is refused behind a pooler, where the lock would not be its own', async () => {
    await using pooler = await startPgbouncerServer(database.url, { mode: 'transaction' });
    const behind = createLocks({
      db: database.createPool({ connectionString: pooler.url }),
      namespace: 'test',
    });

    await expect(
      behind.withAdvisoryLock('k', nothing, { isolation: 'serializable' }),
    ).rejects.toMatchObject({ code: 'POOLER_DETECTED' });
    expect(await behind.withAdvisoryLock('k', () => Promise.resolve(5))).toBe(5);
  });
});

describe('a call that holds a lock', () => {
  it('is told when it asks for the same one on another connection, instead of waiting for itself', async () => {
    await locks.withAdvisoryLock('self', async () => {
      const asked = [
        locks.withAdvisoryLock('self', nothing),
        locks.withSessionLock('self', nothing),
      ];
      for (const ask of asked) await expect(ask).rejects.toMatchObject({ code: 'LOCK_REENTRY' });
      await locks.withAdvisoryLock('other', nothing);
    });
    await locks.withAdvisoryLock('self', nothing);
  });

  it('takes it again in the transaction that holds it', async () => {
    const value = await locks.withAdvisoryLock('self', (tx) =>
      locks.withAdvisoryLock('self', () => Promise.resolve(5), { tx }),
    );

    expect(value).toBe(5);
  });
});

it('lets 8 holders that query inside finish on a pool of 4', async () => {
  const small = createLocks({ db: database.createPool({ max: 4 }), namespace: 'test' });
  const values = await Promise.all(
    Array.from({ length: 8 }, (_, n) =>
      small.withAdvisoryLock(['holder', n], async (tx) => {
        const { rows } = await tx.query<{ n: number }>('select $1::int as n', [n]);
        return rows[0]?.n;
      }),
    ),
  );

  expect(values).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
});

it('tries again what a deadlock has ended, when it was asked to', async () => {
  let attempts = 0;
  const value = await locks.withAdvisoryLock(
    'retried',
    (tx) => {
      attempts += 1;
      if (tx.attempt < 3) throw Object.assign(new Error('deadlock'), { code: '40P01' });
      return Promise.resolve('done');
    },
    { retry: {} },
  );

  expect([value, attempts]).toEqual(['done', 3]);
});
