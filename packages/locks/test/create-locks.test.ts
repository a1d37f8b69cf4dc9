import { getEventListeners } from 'node:events';
import { createDeferred, onAbort } from '@holdfast/internal';
import {
  createTestDatabase,
  spawnNode,
  startFaultProxy,
  type Pool,
  type TestDatabase,
} from '@holdfast/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createLocks,
  lockKey,
  type Transaction,
  type Locks,
  type LocksSnapshot,
  type LockTimeoutError,
} from '../src/index.ts';

let database: TestDatabase;
let pool: Pool;
let locks: Locks;

beforeAll(async () => {
  database = await createTestDatabase();
  pool = database.pool;
  locks = createLocks({ db: pool, namespace: 'test' });
  await pool.query('create table counter (value int not null)');
  await pool.query('create table notes (text text unique deferrable initially deferred)');
});
afterAll(() => database.close());

/** Advisory locks that are held or waited for in this test's database. */
async function lockRows(): Promise<number> {
  const { rows } = await pool.query<{ n: number }>(`
    select count(*)::int as n from pg_locks where locktype = 'advisory'
    and database = (select oid from pg_database where datname = current_database())`);
  return rows[0]?.n ?? NaN;
}

/** Resolves when no lock is left: the server releases those of a connection that died when it notices, not before. */
async function untilNoLockIsLeft(): Promise<void> {
  while ((await lockRows()) > 0) await new Promise((resolve) => setImmediate(resolve));
}

async function holding<T>(key: string, meanwhile: (tx: Transaction) => Promise<T>): Promise<T> {
  const holds = createDeferred<Transaction>();
  const done = createDeferred<void>();
  const running = locks.withAdvisoryLock(key, async (tx) => {
    holds.resolve(tx);
    await done.promise;
  });
  try {
    return await meanwhile(await holds.promise);
  } finally {
    done.resolve();
    await running;
  }
}

const pidOf = async (tx: Transaction): Promise<number> => {
  const { rows } = await tx.query<{ pid: number }>('select pg_backend_pid() as pid');
  return rows[0]?.pid ?? NaN;
};

describe('withAdvisoryLock', () => {
  it('runs the function inside the locking transaction and commits', async () => {
    const value = await locks.withAdvisoryLock('commit', async (tx) => {
      await tx.query(`insert into notes values ('kept')`);
      const { rows } = await tx.query<{ n: number }>(
        `select count(*)::int as n from pg_locks
         where locktype = 'advisory' and pid = pg_backend_pid()
         and (classid::bigint << 32 | objid::bigint) = $1`,
        [String(lockKey('test', 'commit'))],
      );
      return rows[0]?.n;
    });

    expect(value).toBe(1);
    expect((await pool.query(`select from notes where text = 'kept'`)).rowCount).toBe(1);
    expect(await lockRows()).toBe(0);
  });

  it('rolls back and passes the error on when the function fails', async () => {
    const failure = new Error('no');

    await expect(
      locks.withAdvisoryLock('fail', async (tx) => {
        await tx.query(`insert into notes values ('dropped')`);
        throw failure;
      }),
    ).rejects.toBe(failure);

    expect((await pool.query(`select from notes where text = 'dropped'`)).rowCount).toBe(0);
    expect(await lockRows()).toBe(0);
  });

  it('lets one process at a time in: four of them lose no update of a counter', async () => {
    const run = async (mode: 'locked' | 'unlocked'): Promise<number> => {
      await pool.query('delete from counter');
      await pool.query('insert into counter values (0)');
      const file = new URL('fixtures/add-under-lock.ts', import.meta.url);
      const processes = await Promise.all(
        Array.from({ length: 4 }, () => spawnNode<LocksSnapshot>(file, [database.url, '25', mode])),
      );
      const reports = await Promise.all(processes.map((process) => process.next()));
      if (mode === 'locked') {
        expect(reports.map(({ acquired }) => acquired)).toEqual([100, 100, 100, 100]);
      }
      const { rows } = await pool.query<{ value: number }>('select value from counter');
      return rows[0]?.value ?? NaN;
    };

    expect(await run('locked')).toBe(400);
    // The negative control: the same without the lock.
    expect(await run('unlocked')).toBeLessThan(400);
  }, 60_000);

  it('gives up after the wait, names the holder, and leaves nothing in the queue', async () => {
    await holding('busy', async (tx) => {
      const pid = await pidOf(tx);

      const waiting = locks.withAdvisoryLock('busy', () => Promise.resolve(), { wait: 50 });

      const error = await waiting.catch((reason: unknown) => reason as LockTimeoutError);
      expect(error).toMatchObject({ code: 'LOCK_TIMEOUT', key: 'test/busy' });
      expect((error as LockTimeoutError).holders).toMatchObject([
        { pid, state: 'idle in transaction', since: expect.any(Date) as Date },
      ]);
      expect((error as LockTimeoutError).message).toContain(`it is held by ${pid}`);
      expect(await lockRows()).toBe(1);
    });
  });

  it("does not wait at all with 'try'", async () => {
    await holding('tried', async () => {
      await expect(
        locks.withAdvisoryLock('tried', () => Promise.resolve(), { wait: 'try' }),
      ).rejects.toMatchObject({ code: 'LOCK_TIMEOUT', waitedMs: 0 });
    });

    await expect(
      locks.withAdvisoryLock('tried', () => Promise.resolve('mine'), { wait: 'try' }),
    ).resolves.toBe('mine');
  });

  it('leaves no lock behind after 300 timeouts of one millisecond', async () => {
    await holding('storm', async () => {
      const attempts = Array.from({ length: 300 }, () =>
        locks
          .withAdvisoryLock('storm', () => Promise.resolve(), { wait: 1 })
          .then(
            () => 'acquired',
            (error: unknown) => (error as LockTimeoutError).code,
          ),
      );
      expect(new Set(await Promise.all(attempts))).toEqual(new Set(['LOCK_TIMEOUT']));
      expect(await lockRows()).toBe(1);
    });

    expect(await lockRows()).toBe(0);
  });

  it("keeps the session's lock_timeout for the function's own statements", async () => {
    const timeouts = database.createPool({ options: '-c lock_timeout=1234' });
    const own = createLocks({ db: timeouts, namespace: 'test' });

    const setting = await own.withAdvisoryLock(
      'setting',
      async (tx) => (await tx.query('show lock_timeout')).rows,
      { wait: 50 },
    );

    expect(setting).toEqual([{ lock_timeout: '1234ms' }]);
  });

  it('aborts the function and rejects with LOCK_LOST when its connection dies, and the process lives', async () => {
    const lost: string[] = [];
    const off = locks.on('lost', ({ key }) => lost.push(key));
    let reason: unknown;

    const running = locks.withAdvisoryLock('killed', async (tx) => {
      const pid = await pidOf(tx);
      await pool.query('select pg_terminate_backend($1)', [pid]);
      await new Promise((resolve) => onAbort(tx.signal, resolve));
      reason = tx.signal.reason;
      return 'too late';
    });

    await expect(running).rejects.toMatchObject({ code: 'LOCK_LOST', key: 'test/killed' });
    expect(reason).toMatchObject({ code: 'LOCK_LOST' });
    expect(lost).toEqual(['test/killed']);
    off();
    await expect(locks.withAdvisoryLock('killed', () => Promise.resolve(1))).resolves.toBe(1);
  });

  it('says LOCK_LOST also when it is a query of the function that learns of it', async () => {
    const running = locks.withAdvisoryLock('killed-in-query', (tx) =>
      tx.query('select pg_terminate_backend(pg_backend_pid()), pg_sleep(10)'),
    );

    await expect(running).rejects.toMatchObject({ code: 'LOCK_LOST' });
    await untilNoLockIsLeft();
  });

  it('ends a wait at once when it is aborted, and the lock goes to the next one', async () => {
    const reason = new Error('enough');
    await holding('aborted', async () => {
      const controller = new AbortController();
      const waiting = locks.withAdvisoryLock('aborted', () => Promise.resolve(), {
        wait: 'forever',
        signal: controller.signal,
      });
      while (locks.snapshot().waiting === 0) await new Promise((resolve) => setImmediate(resolve));

      controller.abort(reason);

      await expect(waiting).rejects.toBe(reason);
      expect(locks.snapshot()).toMatchObject({ waiting: 0, held: 1 });
    });

    await expect(locks.withAdvisoryLock('aborted', () => Promise.resolve(1))).resolves.toBe(1);
  });

  it('does not even begin when the signal is aborted, and gives back a connection that comes too late', async () => {
    const single = database.createPool({ max: 1 });
    const own = createLocks({ db: single, namespace: 'test' });
    await expect(
      own.withAdvisoryLock('k', () => Promise.resolve(), { signal: AbortSignal.abort('early') }),
    ).rejects.toBe('early');
    const taken = await single.connect();
    const controller = new AbortController();
    const waiting = own.withAdvisoryLock('k', () => Promise.resolve(), {
      signal: controller.signal,
    });

    controller.abort('late');
    await expect(waiting).rejects.toBe('late');
    taken.release();

    await expect(own.withAdvisoryLock('k', () => Promise.resolve('again'))).resolves.toBe('again');
  });

  it('rolls back when the caller aborts while the function runs', async () => {
    const controller = new AbortController();

    const running = locks.withAdvisoryLock(
      'abort-inside',
      async (tx) => {
        await tx.query(`insert into notes values ('aborted')`);
        controller.abort('stop');
        expect(tx.signal.reason).toBe('stop');
      },
      { signal: controller.signal },
    );

    await expect(running).rejects.toBe('stop');
    expect((await pool.query(`select from notes where text = 'aborted'`)).rowCount).toBe(0);
  });

  it('sees what the holder before has written, also where sessions default to REPEATABLE READ', async () => {
    const strict = database.createPool({
      options: '-c default_transaction_isolation=repeatable\\ read',
    });
    const own = createLocks({ db: strict, namespace: 'test' });
    await pool.query('delete from counter');
    await pool.query('insert into counter values (0)');

    await Promise.all(
      Array.from({ length: 20 }, () =>
        own.withAdvisoryLock('fresh', async (tx) => {
          const { rows } = await tx.query<{ value: number }>('select value from counter');
          await tx.query('update counter set value = $1', [(rows[0]?.value ?? NaN) + 1]);
        }),
      ),
    );

    expect((await pool.query('select value from counter')).rows).toEqual([{ value: 20 }]);
  });

  it('leaves no listener on a long-lived signal, nor on a connection that it gives back', async () => {
    const single = database.createPool({ max: 1 });
    const own = createLocks({ db: single, namespace: 'test' });
    const { signal } = new AbortController();
    const client = await single.connect();
    const before = client.listenerCount('error');
    client.release();

    for (let n = 0; n < 5; n += 1) {
      await own.withAdvisoryLock('listeners', () => Promise.resolve(), { signal });
      await own
        .withAdvisoryLock('listeners', () => Promise.reject(new Error('no')), { signal })
        .catch(() => undefined);
    }

    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
    const after = await single.connect();
    expect(after).toBe(client);
    expect(after.listenerCount('error')).toBe(before);
    after.release();
  });

  it('does not call a rollback a success: a swallowed failure shows at COMMIT', async () => {
    const running = locks.withAdvisoryLock('swallowed', async (tx) => {
      await tx.query(`insert into notes values ('swallowed')`);
      await tx.query('select 1 / 0').catch(() => undefined);
    });

    await expect(running).rejects.toMatchObject({ code: 'TRANSACTION_ROLLED_BACK' });
    expect((await pool.query(`select from notes where text = 'swallowed'`)).rowCount).toBe(0);
  });

  it("passes on the server's verdict when COMMIT itself is refused", async () => {
    const running = locks.withAdvisoryLock('deferred', (tx) =>
      tx.query(`insert into notes values ('twice'), ('twice')`),
    );

    await expect(running).rejects.toMatchObject({ code: '23505' });
  });

  it('refuses a query that comes after the end', async () => {
    let leaked: Transaction | undefined;
    await locks.withAdvisoryLock('leak', (tx) => {
      leaked = tx;
      return Promise.resolve();
    });

    await expect(leaked?.query('select 1')).rejects.toMatchObject({ code: 'TRANSACTION_ENDED' });
  });

  it.each([
    ['before it has reached the server', 'before', false],
    ['after the server has applied it', 'after', true],
  ] as const)('reports AMBIGUOUS_COMMIT when COMMIT is cut %s', async (_what, cut, isApplied) => {
    const url = new URL(database.url);
    await using proxy = await startFaultProxy({ host: url.hostname, port: Number(url.port) });
    const proxied = database.createPool({ connectionString: proxy.urlFor(database.url), max: 1 });
    const own = createLocks({ db: proxied, namespace: 'test' });
    const text = `commit cut ${cut}`;

    const running = own.withAdvisoryLock('cut', async (tx) => {
      await tx.query('insert into notes values ($1)', [text]);
      // The command's own answer carries the word as well: in that direction it comes once it is applied.
      proxy.set(
        'open',
        cut === 'before'
          ? { direction: 'toServer', kind: 'cut', rule: { pattern: 'COMMIT', when: 'before' } }
          : { direction: 'toClient', kind: 'cut', rule: { pattern: 'COMMIT', when: 'before' } },
      );
    });

    await expect(running).rejects.toMatchObject({ code: 'AMBIGUOUS_COMMIT' });
    const { rowCount } = await pool.query('select from notes where text = $1', [text]);
    expect(rowCount === 1).toBe(isApplied);
    await untilNoLockIsLeft();
  });

  it('finishes eight holders that query inside on a pool of four: the lock takes no second connection', async () => {
    const small = database.createPool({ max: 4 });
    const own = createLocks({ db: small, namespace: 'test' });

    const finished = await Promise.all(
      Array.from({ length: 8 }, (_, n) =>
        own.withAdvisoryLock(['small', n], (tx) => tx.query('select pg_sleep(0.01)')),
      ),
    );

    expect(finished).toHaveLength(8);
  });

  it('counts', async () => {
    const own = createLocks({ db: pool, namespace: 'counted' });
    const events: string[] = [];
    own.on('acquired', ({ key }) => events.push(`acquired ${key}`));
    own.on('released', ({ key }) => events.push(`released ${key}`));
    own.on('released', () => {
      throw new Error('a listener that throws changes nothing');
    });
    const warned = new Promise((resolve) => process.once('warning', resolve));

    await own.withAdvisoryLock(['a', 1], () => {
      expect(own.snapshot()).toMatchObject({ held: 1 });
      return Promise.resolve();
    });

    await warned;
    expect(events).toEqual(['acquired counted/a/1', 'released counted/a/1']);
    expect(own.snapshot()).toMatchObject({
      ...{ acquired: 1, timedOut: 0, lost: 0, committed: 1, rolledBack: 0 },
      ...{ retried: 0, ambiguous: 0, waiting: 0, held: 0 },
    });
  });
});
