import { createDeferred } from '@holdfast/internal';
import { describe, expect, it } from 'vitest';
import { AmbiguousCommitError, createLocks } from '../src/index.ts';
import { database, locks, NOTES, note, notes, pool, useLocks } from './set-up.ts';

useLocks(NOTES);

const ENDED = { code: 'TRANSACTION_ENDED' };

describe('what is still at work when the transaction ends', () => {
  it('writes nothing behind the ROLLBACK', async () => {
    const branch = createDeferred<unknown>();
    const running = locks.runTransaction((tx) => {
      const writing = note(tx, 'one').then(() => note(tx, 'two'));
      branch.resolve(writing.catch((error: unknown) => error));
      return Promise.all([writing, Promise.reject(new Error('no'))]);
    });

    await expect(running).rejects.toThrow('no');
    expect(await branch.promise).toMatchObject(ENDED);
    expect(await notes()).toEqual([]);
  });

  it.each([{}, { isolation: 'serializable' }] as const)(
    'writes nothing behind the COMMIT: %j',
    async (options) => {
      const stray = createDeferred<unknown>();
      await locks.withAdvisoryLock(
        'k',
        async (tx) => {
          await note(tx, 'inside');
          const later = tx.query('select 1').then(() => note(tx, 'outside'));
          stray.resolve(later.catch((error: unknown) => error));
        },
        options,
      );

      expect(await stray.promise).toMatchObject(ENDED);
      expect(await notes()).toEqual(['inside']);
    },
  );

  it('writes nothing into the outer transaction behind a savepoint that was undone', async () => {
    await locks.runTransaction(async (tx) => {
      const branch = createDeferred<unknown>();
      const undone = tx.savepoint((inner) => {
        const ways = [note(inner, 'a').then(() => note(inner, 'b'))];
        ways.push(
          inner.query('select 1').then(() => inner.pg.query(`insert into notes values ('c')`)),
        );
        branch.resolve(Promise.allSettled(ways));
        return Promise.reject(new Error('no'));
      });
      await expect(undone).rejects.toThrow('no');
      expect(await branch.promise).toMatchObject([{ reason: ENDED }, { reason: ENDED }]);
    });

    expect(await notes()).toEqual([]);
  });

  it('does not keep the ROLLBACK waiting behind a cursor that was left open', async () => {
    class Open {
      submit(connection: { query(text: string): void }): void {
        connection.query('select pg_sleep(30)');
      }
      handleError(): void {
        // The end of the connection ends it.
      }
    }
    const running = locks.runTransaction((tx) => {
      tx.pg.query(new Open() as never);
      return Promise.reject(new Error('no'));
    });

    await expect(running).rejects.toThrow('no');
  });
});

describe('a transaction of the caller that is aborted', () => {
  it('leaves the queue of a lock at once', async () => {
    const reason = new Error('stop');
    const held = createDeferred<void>();
    const holder = locks.withAdvisoryLock('busy', () => held.promise);
    const abort = new AbortController();
    const other = createLocks({ db: pool, namespace: 'test' });
    const running = other.runTransaction((tx) => tx.lock('busy', { wait: 'forever' }), {
      signal: abort.signal,
    });
    const rejected = expect(running).rejects.toBe(reason);
    while (other.snapshot().waiting === 0) await new Promise((resolve) => setImmediate(resolve));
    abort.abort(reason);

    await rejected;
    held.resolve();
    await holder;
  });
});

describe('locks inside locks', () => {
  it('are told of a lock that a session of the same call holds', async () => {
    await locks.withSessionLock('k', async () => {
      await expect(locks.runTransaction((tx) => tx.lock('k'))).rejects.toMatchObject({
        code: 'LOCK_REENTRY',
      });
    });
  });

  it('refuse the transaction of other locks, which may be in another database', async () => {
    const other = createLocks({ db: pool, namespace: 'test' });
    await other.runTransaction((tx) => {
      expect(() => locks.withAdvisoryLock('k', () => Promise.resolve(), { tx })).toThrow(
        'tx must be the transaction of a call of these locks',
      );
      return Promise.resolve();
    });
  });
});

describe('failures that look like others', () => {
  it('takes no malformed statement for the end of the session', async () => {
    const seen = await locks.runTransaction(async (tx) => {
      await expect(
        tx.savepoint((inner) => inner.query('select $1::int, $2::int', [1])),
      ).rejects.toMatchObject({ code: '08P01' });
      return (await tx.query<{ n: number }>('select 5 as n')).rows[0]?.n;
    });

    expect(seen).toBe(5);
  });

  it("takes no ambiguous commit of somebody else's for its own", async () => {
    const seen: string[] = [];
    const running = locks.runTransaction((tx) => {
      tx.afterRollback(() => seen.push('rolled back'));
      return Promise.reject(new AmbiguousCommitError('another', undefined, undefined));
    });

    await expect(running).rejects.toMatchObject({ code: 'AMBIGUOUS_COMMIT' });
    expect([seen, locks.snapshot().rolledBack]).toEqual([['rolled back'], 1]);
  });

  it('tells that the lock is free when it is', async () => {
    const outcomes: Promise<boolean>[] = [];
    const other = createLocks({ db: pool, namespace: 'test' });
    locks.on('released', () => {
      outcomes.push(
        other.tryAdvisoryLock('k', () => Promise.resolve()).then(({ acquired }) => acquired),
      );
    });
    await locks.withAdvisoryLock('k', () => Promise.resolve());
    await locks.withAdvisoryLock('k', () => Promise.reject(new Error('no'))).catch(() => undefined);

    expect(await Promise.all(outcomes)).toEqual([true, true]);
  });
});

it('does not hand a transaction that was left open to the next user of a session', async () => {
  const own = database.createPool({ max: 1 });
  const single = createLocks({ db: own, namespace: 'test' });
  const running = single.withSessionLock('k', async ({ pg }) => {
    await pg.query('begin');
    throw new Error('no');
  });
  await expect(running).rejects.toThrow('no');
  await own.query(`insert into notes values ('kept')`);

  expect(await notes()).toEqual(['kept']);
});
