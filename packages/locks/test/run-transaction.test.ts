import { startFaultProxy, type PoolClient } from '@holdfast/testkit';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createLocks, type Transaction } from '../src/index.ts';
import { database, locks, NOTES, note, notes, pool, useLocks } from './set-up.ts';

useLocks({
  tables: `${NOTES.tables}; create table accounts (id int primary key, balance int not null)`,
  rows: 'truncate accounts, notes; insert into accounts values (1, 100), (2, 100)',
});
afterEach(async () => {
  // Every connection is back: nothing waits, nothing is leaked.
  expect([pool.waitingCount, pool.totalCount - pool.idleCount]).toEqual([0, 0]);
});

/** What the server says of a setting. */
async function show(tx: Transaction, name: string): Promise<string | undefined> {
  const { rows } = await tx.query<{ value: string }>(`select current_setting('${name}') as value`);
  return rows[0]?.value;
}

describe('runTransaction', () => {
  it('commits what the function did, and gives its value', async () => {
    const value = await locks.runTransaction(async (tx) => {
      await note(tx, 'kept');
      return tx.attempt;
    });

    expect([value, await notes()]).toEqual([1, ['kept']]);
    expect(locks.snapshot()).toMatchObject({ committed: 1, rolledBack: 0 });
  });

  it('rolls back when the function fails, with the same error', async () => {
    const failure = new Error('no');
    const running = locks.runTransaction(async (tx) => {
      await note(tx, 'dropped');
      throw failure;
    });

    await expect(running).rejects.toBe(failure);
    expect(await notes()).toEqual([]);
  });

  it.each(['read committed', 'repeatable read', 'serializable'] as const)(
    'runs at %s, as it was asked to, whatever the default is',
    async (isolation) => {
      await pool.query(`alter database "${new URL(database.url).pathname.slice(1)}"
        set default_transaction_isolation = 'repeatable read'`);
      const fresh = createLocks({ db: database.createPool(), namespace: 'test' });
      const seen = await fresh.runTransaction((tx) => show(tx, 'transaction_isolation'), {
        isolation,
      });

      expect(seen).toBe(isolation);
    },
  );

  it('bounds what it was asked to, for the transaction alone', async () => {
    const names = ['lock_timeout', 'statement_timeout', 'idle_in_transaction_session_timeout'];
    const seen = await locks.runTransaction(
      (tx) => Promise.all(names.map((name) => show(tx, name))),
      { timeouts: { lockMs: 11_111, statementMs: 22_222, idleMs: 33_333 } },
    );

    expect(seen).toEqual(['11111ms', '22222ms', '33333ms']);
    expect((await pool.query('show statement_timeout')).rows).toEqual([{ statement_timeout: '0' }]);
  });

  it('reads only, and waits for a safe snapshot, when it was asked to', async () => {
    const options = { isolation: 'serializable', readOnly: true, deferrable: true } as const;
    const modes = ['transaction_read_only', 'transaction_deferrable'];

    expect(
      await locks.runTransaction((tx) => Promise.all(modes.map((name) => show(tx, name))), options),
    ).toEqual(['on', 'on']);
    await expect(
      locks.runTransaction((tx) => note(tx, 'x'), { readOnly: true }),
    ).rejects.toMatchObject({ code: '25006' });
  });

  it('gives the whole up after totalMs, also when the function does not end', async () => {
    const running = locks.runTransaction((tx) => tx.query('select pg_sleep(30)'), {
      timeouts: { totalMs: 50 },
    });

    await expect(running).rejects.toMatchObject({ code: 'TRANSACTION_TIMEOUT', totalMs: 50 });
  });

  it('says what had failed when the function went on as if nothing had', async () => {
    const running = locks.runTransaction(async (tx) => {
      await note(tx, 'a');
      await note(tx, 'a').catch(() => undefined);
    });

    await expect(running).rejects.toMatchObject({
      code: 'TRANSACTION_ROLLED_BACK',
      cause: { code: '23505' },
    });
    expect(await notes()).toEqual([]);
  });

  it('names the first failure as the cause of those that follow it', async () => {
    const running = locks.runTransaction(async (tx) => {
      await tx.query('select 1 / 0').catch(() => undefined);
      await note(tx, 'a');
    });

    await expect(running).rejects.toMatchObject({ code: '25P02', cause: { code: '22012' } });
  });

  it('runs nothing more when the server has ended the session while it was idle', async () => {
    const running = locks.runTransaction(
      async (tx) => {
        await note(tx, 'before');
        await new Promise((resolve) => tx.signal.addEventListener('abort', resolve));
        await expect(note(tx, 'after')).rejects.toMatchObject({ code: 'TRANSACTION_LOST' });
        await expect(tx.pg.query(`insert into notes values ('pg')`)).rejects.toMatchObject({
          code: 'TRANSACTION_LOST',
        });
      },
      { timeouts: { idleMs: 30 } },
    );

    await expect(running).rejects.toMatchObject({ code: 'TRANSACTION_LOST' });
    expect(await notes()).toEqual([]);
  });

  it('refuses queries after its end, by every way to send one', async () => {
    let leaked: Transaction<PoolClient> | undefined;
    await locks.runTransaction((tx) => Promise.resolve(void (leaked = tx)));
    const { pg } = leaked!;

    await expect(note(leaked!, 'late')).rejects.toMatchObject({ code: 'TRANSACTION_ENDED' });
    await expect(pg.query('select 1')).rejects.toMatchObject({ code: 'TRANSACTION_ENDED' });
    const told = new Promise((resolve) => pg.query('select 1', (error) => resolve(error)));
    expect(await told).toMatchObject({ code: 'TRANSACTION_ENDED' });
    await expect(leaked!.savepoint(() => Promise.resolve())).rejects.toMatchObject({
      code: 'TRANSACTION_ENDED',
    });
    expect(await notes()).toEqual([]);
  });

  it('keeps its client from being released by the function', async () => {
    const running = locks.runTransaction(async (tx) => {
      await note(tx, 'a');
      tx.pg.release();
    });

    await expect(running).rejects.toThrow('release() must not be called');
    expect(await notes()).toEqual([]);
  });

  it('passes every form of query on', async () => {
    const rows = await locks.runTransaction(async ({ pg }) => {
      const config = await pg.query({ text: 'select $1::int as n', values: [1], name: 'named' });
      const called = await new Promise((resolve, reject) => {
        pg.query('select 2 as n', (error: unknown, result) => {
          if (error instanceof Error) reject(error);
          else resolve(result.rows);
        });
      });
      return [config.rows, called];
    });

    expect(rows).toEqual([[{ n: 1 }], [{ n: 2 }]]);
  });

  it('rejects with the reason of an abort, and rolls back', async () => {
    const reason = new Error('stop');
    const abort = new AbortController();
    const running = locks.runTransaction(
      async (tx) => {
        await note(tx, 'a');
        abort.abort(reason);
        expect(tx.signal.reason).toBe(reason);
      },
      { signal: abort.signal },
    );

    await expect(running).rejects.toBe(reason);
    await expect(
      locks.runTransaction(() => Promise.resolve(), { signal: abort.signal }),
    ).rejects.toBe(reason);
    expect(await notes()).toEqual([]);
  });
});

describe('a transaction that fails because of others', () => {
  /** Reads both balances and takes from one: two of them at once break the sum, unless one fails. */
  const withdraw = async (tx: Transaction, id: number, meet: () => Promise<void>) => {
    const { rows } = await tx.query<{ sum: string }>('select sum(balance) from accounts');
    await meet();
    if (Number(rows[0]?.sum) < 200) return 'refused';
    await tx.query('update accounts set balance = balance - 200 where id = $1', [id]);
    return 'withdrawn';
  };
  const meeting = (size: number) => {
    let come = 0;
    let open = (): void => undefined;
    const all = new Promise<void>((resolve) => (open = resolve));
    return (): Promise<void> => {
      come += 1;
      if (come === size) open();
      return all;
    };
  };
  const sum = async (): Promise<number> =>
    Number((await pool.query<{ sum: string }>('select sum(balance) from accounts')).rows[0]?.sum);

  it('is tried again as a whole, so that write skew cannot happen', async () => {
    const meet = meeting(2);
    const told: unknown[] = [];
    locks.on('retry', ({ attempt, error }) =>
      told.push([attempt, (error as { code: string }).code]),
    );
    const run = (id: number) =>
      locks.runTransaction((tx) => withdraw(tx, id, meet), { isolation: 'serializable' });

    const outcomes = await Promise.all([run(1), run(2)]);

    expect(outcomes.sort()).toEqual(['refused', 'withdrawn']);
    expect([await sum(), told]).toEqual([0, [[1, '40001']]]);
    expect(locks.snapshot()).toMatchObject({ retried: 1, committed: 2, rolledBack: 1 });
  });

  it('lets write skew happen at repeatable read (negative control)', async () => {
    const meet = meeting(2);
    const run = (id: number) =>
      locks.runTransaction((tx) => withdraw(tx, id, meet), { isolation: 'repeatable read' });

    await Promise.all([run(1), run(2)]);

    expect(await sum()).toBe(-200);
  });

  it('is tried again after a deadlock', async () => {
    const meet = meeting(2);
    const move = (from: number, to: number) =>
      locks.runTransaction(async (tx) => {
        await tx.query('update accounts set balance = balance - 1 where id = $1', [from]);
        await meet();
        await tx.query('update accounts set balance = balance + 1 where id = $1', [to]);
      });

    await Promise.all([move(1, 2), move(2, 1)]);

    expect(await sum()).toBe(200);
    expect(locks.snapshot().retried).toBe(1);
  }, 15_000);

  it.each([
    ['wrapped', (cause: unknown) => new Error('adapter', { cause: new Error('inner', { cause }) })],
    ['as it is', (cause: unknown) => cause],
  ])('is tried again when the failure comes %s', async (_how, wrap) => {
    const attempts: number[] = [];
    const value = await locks.runTransaction(async (tx) => {
      attempts.push(tx.attempt);
      if (tx.attempt < 3) throw wrap(Object.assign(new Error('conflict'), { code: '40001' }));
      return 'done';
    });

    expect([value, attempts]).toEqual(['done', [1, 2, 3]]);
  });

  it('is tried again when the server only says that an earlier statement had failed', async () => {
    let attempts = 0;
    await locks.runTransaction(async (tx) => {
      attempts += 1;
      if (attempts > 1) return;
      await tx
        .query(`do $$ begin raise exception 'conflict' using errcode = '40001'; end $$`)
        .catch(() => undefined);
      await tx.query('select 1');
    });

    expect(attempts).toBe(2);
  });

  it.each(['40003', '23505', '57014'])('is not tried again after %s', async (code) => {
    const failure = Object.assign(new Error('no'), { code });
    let attempts = 0;

    await expect(
      locks.runTransaction(() => {
        attempts += 1;
        return Promise.reject(failure);
      }),
    ).rejects.toBe(failure);
    expect(attempts).toBe(1);
  });

  it('gives up after so many tries, with the last failure', async () => {
    const failure = Object.assign(new Error('conflict'), { code: '40001' });
    const fail = () => Promise.reject(failure);

    await expect(
      locks.runTransaction(fail, { retry: { attempts: 3, capMs: 2 } }),
    ).rejects.toMatchObject({ code: 'RETRIES_EXHAUSTED', attempts: 3, cause: failure });
    await expect(locks.runTransaction(fail, { retry: false })).rejects.toBe(failure);
  });
});

describe('a transaction inside another one', () => {
  it('is a savepoint: its failure undoes what it did, and nothing else', async () => {
    await locks.runTransaction(async (tx) => {
      await note(tx, 'outer');
      const inner = locks.runTransaction(async (nested) => {
        await note(nested, 'inner');
        throw new Error('no');
      });
      await expect(inner).rejects.toThrow('no');
      await locks.runTransaction((nested) => note(nested, 'kept'));
    });

    expect(await notes()).toEqual(['kept', 'outer']);
    expect(locks.snapshot()).toMatchObject({ committed: 1, rolledBack: 0 });
  });

  it('goes with the outer one', async () => {
    const running = locks.runTransaction(async () => {
      await locks.runTransaction((nested) => note(nested, 'inner'));
      throw new Error('outer');
    });

    await expect(running).rejects.toThrow('outer');
    expect(await notes()).toEqual([]);
  });

  it('is not tried again by itself: the outermost is, as a whole', async () => {
    const seen: string[] = [];
    await locks.runTransaction(async (tx) => {
      seen.push(`outer ${tx.attempt}`);
      await locks.runTransaction((nested) => {
        seen.push(`inner ${nested.attempt}`);
        if (nested.attempt > 1) return Promise.resolve();
        return Promise.reject(Object.assign(new Error('conflict'), { code: '40001' }));
      });
    });

    expect(seen).toEqual(['outer 1', 'inner 1', 'outer 2', 'inner 2']);
  });

  it('runs one savepoint after the other, so that none undoes another', async () => {
    await locks.runTransaction(async () => {
      const runs = [1, 2, 3, 4, 5, 6].map((n) =>
        locks.runTransaction(async (nested) => {
          await note(nested, `n${n}`);
          if (n % 2 === 0) throw new Error('even');
        }),
      );
      await Promise.allSettled(runs);
    });

    expect(await notes()).toEqual(['n1', 'n3', 'n5']);
  });

  it('nests as deep as it is called, by whatever transaction at hand', async () => {
    await locks.runTransaction(async (tx) => {
      await locks.runTransaction(async (inner) => {
        await note(inner, 'one');
        // By the outer one, and by none: both are inside of the inner one.
        await tx.savepoint((deep) => note(deep, 'two'));
        await locks.runTransaction(() => locks.runTransaction((deepest) => note(deepest, 'three')));
        const parallel = ['four', 'five'].map((text) => tx.savepoint((deep) => note(deep, text)));
        await Promise.all(parallel);
      });
      const undone = locks.runTransaction(async () => {
        await locks.runTransaction((deep) => note(deep, 'undone'));
        throw new Error('no');
      });
      await expect(undone).rejects.toThrow('no');
    });

    expect(await notes()).toEqual(['five', 'four', 'one', 'three', 'two']);
  });

  it('ends before the outer one is committed, also when nobody waits for it', async () => {
    await locks.runTransaction((tx) => {
      void tx.savepoint((inner) => note(inner, 'not awaited'));
      return Promise.resolve();
    });

    expect(await notes()).toEqual(['not awaited']);
  });

  it('says that it was rolled back when a statement in it had failed unseen', async () => {
    await locks.runTransaction(async (tx) => {
      const inner = tx.savepoint(async (nested) => {
        await nested.query('select 1 / 0').catch(() => undefined);
      });
      await expect(inner).rejects.toMatchObject({
        code: 'TRANSACTION_ROLLED_BACK',
        cause: { code: '22012' },
      });
      await note(tx, 'outer');
    });

    expect(await notes()).toEqual(['outer']);
  });

  it('joins or refuses when it was asked to', async () => {
    await locks.runTransaction(async (tx) => {
      await locks.runTransaction(
        (nested) => {
          expect(nested).toBe(tx);
          return Promise.resolve();
        },
        { nested: 'join' },
      );
      const refused = locks.runTransaction(() => Promise.resolve(), { nested: 'forbid' });
      await expect(refused).rejects.toMatchObject({ code: 'TRANSACTION_NESTED' });
    });
  });

  it('is refused when it asks for more than the outer one gives', async () => {
    const nothing = () => Promise.resolve();
    await locks.runTransaction(async () => {
      const stronger = locks.runTransaction(nothing, { isolation: 'serializable' });
      await expect(stronger).rejects.toMatchObject({ code: 'TRANSACTION_TOO_WEAK' });
    });
    await locks.runTransaction(
      async () => {
        const writing = locks.runTransaction(nothing);
        await expect(writing).rejects.toMatchObject({ code: 'TRANSACTION_TOO_WEAK' });
      },
      { readOnly: true },
    );
  });

  it('is one of its own when the outer one is over', async () => {
    let later: Promise<unknown> | undefined;
    await locks.runTransaction((tx) => {
      later = new Promise((resolve) => setImmediate(resolve)).then(() =>
        locks.runTransaction((own) => {
          expect(own).not.toBe(tx);
          return note(own, 'own');
        }),
      );
      return Promise.resolve();
    });
    await later;

    expect(await notes()).toEqual(['own']);
  });
});

describe('hooks', () => {
  it('run once, after the commit, whatever the number of tries', async () => {
    const seen: string[] = [];
    await locks.runTransaction(async (tx) => {
      tx.afterCommit(async () => void seen.push(`commit ${tx.attempt} ${(await notes()).join()}`));
      tx.afterRollback(() => seen.push(`rollback ${tx.attempt}`));
      await note(tx, 'a');
      if (tx.attempt < 3) throw Object.assign(new Error('conflict'), { code: '40001' });
    });

    expect(seen).toEqual(['rollback 1', 'rollback 2', 'commit 3 a']);
  });

  it('of a savepoint that is undone do not run after the commit', async () => {
    const seen: string[] = [];
    await locks.runTransaction(async (tx) => {
      tx.afterCommit(() => seen.push('outer'));
      await tx
        .savepoint((inner) => {
          inner.afterCommit(() => seen.push('undone'));
          inner.afterRollback(() => seen.push('rolled back'));
          return Promise.reject(new Error('no'));
        })
        .catch(() => undefined);
      await tx.savepoint((inner) => {
        inner.afterCommit(() => seen.push('kept'));
        return Promise.resolve();
      });
    });

    expect(seen).toEqual(['rolled back', 'outer', 'kept']);
  });

  it('may add hooks', async () => {
    const seen: string[] = [];
    await locks.runTransaction((tx) => {
      tx.afterCommit(() => tx.afterCommit(() => seen.push('added')));
      return Promise.resolve();
    });

    expect(seen).toEqual(['added']);
  });

  it('that fail change nothing, and are told', async () => {
    const told: unknown[] = [];
    const failure = new Error('hook');
    locks.on('hookFailed', ({ error }) => told.push(error));
    const value = await locks.runTransaction((tx) => {
      tx.afterCommit(() => Promise.reject(failure));
      tx.afterCommit(() => told.push('next'));
      return Promise.resolve(5);
    });

    expect([value, told]).toEqual([5, [failure, 'next']]);
  });
});

describe('when the answer to COMMIT is lost', () => {
  let server: { readonly host: string; readonly port: number };
  beforeAll(() => {
    const { hostname: host, port } = new URL(database.url);
    server = { host, port: Number(port) };
  });

  it.each([
    ['before it has reached the server', { pattern: 'COMMIT', when: 'before' }, false],
    ['after the server has applied it', { pattern: 'COMMIT', when: 'after' }, true],
  ] as const)('%s, finds out', async (_what, rule, isApplied) => {
    await using proxy = await startFaultProxy(server);
    const own = database.createPool({ connectionString: proxy.urlFor(database.url), max: 1 });
    const cut = createLocks({ db: own, namespace: 'test' });
    const seen: string[] = [];
    cut.on('ambiguous', ({ verdict }) => seen.push(verdict));

    const running = cut.runTransaction(async (tx) => {
      tx.afterCommit(() => seen.push('hook: committed'));
      tx.afterRollback(() => seen.push('hook: rolled back'));
      await note(tx, 'a');
      proxy.set('open', { kind: 'cut', rule, direction: isApplied ? 'toClient' : 'toServer' });
    });

    if (isApplied) await running;
    else await expect(running).rejects.toMatchObject({ code: 'TRANSACTION_LOST' });
    expect(await notes()).toEqual(isApplied ? ['a'] : []);
    expect(seen).toEqual(
      isApplied ? ['committed', 'hook: committed'] : ['aborted', 'hook: rolled back'],
    );
  });

  it('knows that nothing was applied when nothing was written', async () => {
    await using proxy = await startFaultProxy(server);
    const own = database.createPool({ connectionString: proxy.urlFor(database.url), max: 1 });
    const cut = createLocks({ db: own, namespace: 'test' });
    const rule = { pattern: 'COMMIT', when: 'before' } as const;

    const running = cut.runTransaction(async (tx) => {
      await tx.query('select 1');
      proxy.set('open', { kind: 'cut', rule, direction: 'toClient' });
    });

    await expect(running).rejects.toMatchObject({ code: 'TRANSACTION_LOST' });
  });

  it('reports it, and runs no hook, when it is not to be resolved', async () => {
    await using proxy = await startFaultProxy(server);
    const own = database.createPool({ connectionString: proxy.urlFor(database.url), max: 1 });
    const cut = createLocks({ db: own, namespace: 'test' });
    const rule = { pattern: 'COMMIT', when: 'before' } as const;
    const seen: string[] = [];

    const running = cut.runTransaction(
      async (tx) => {
        tx.afterCommit(() => seen.push('committed'));
        tx.afterRollback(() => seen.push('rolled back'));
        await note(tx, 'a');
        proxy.set('open', { kind: 'cut', rule, direction: 'toServer' });
      },
      { ambiguous: 'throw' },
    );

    await expect(running).rejects.toMatchObject({ code: 'AMBIGUOUS_COMMIT', xid: undefined });
    expect(seen).toEqual([]);
  });
});
