import { createDeferred } from '@holdfast/internal';
import { afterEach, describe, expect, it } from 'vitest';
import { OpenCursor } from './fixtures/open-cursor.ts';
import { type Transaction } from '../src/index.ts';
import { locks, NOTES, note, notes, pool, useLocks } from './set-up.ts';

useLocks(NOTES);
afterEach(() => {
  expect(pool.totalCount - pool.idleCount).toBe(0);
});

const ENDED = expect.objectContaining({ code: 'TRANSACTION_ENDED' }) as Error;

describe('a hook of a savepoint that was undone', () => {
  it('may write into the transaction around it, which waits for it', async () => {
    await locks.runTransaction(async (tx) => {
      const undone = locks.runTransaction((inner) => {
        inner.afterRollback(() => locks.runTransaction((own) => note(own, 'by a call')));
        inner.afterRollback(() => tx.savepoint((own) => note(own, 'by a savepoint')));
        inner.afterRollback(() => tx.lock('k'));
        return Promise.reject(new Error('no'));
      });
      await expect(undone).rejects.toThrow('no');
      expect(await tx.query('select from notes').then(({ rows }) => rows.length)).toBe(2);
    });

    expect(await notes()).toEqual(['by a call', 'by a savepoint']);
  });

  it('is waited for also when nobody waits for the savepoint', async () => {
    const seen: string[] = [];
    await locks.runTransaction((tx) => {
      tx.afterCommit(() => seen.push('committed'));
      const undone = tx.savepoint(async (outer) => {
        const deeper = outer.savepoint((inner) => {
          inner.afterRollback(() => locks.runTransaction((own) => note(own, 'kept')));
          inner.afterRollback(() => seen.push('told'));
          return Promise.reject(new Error('no'));
        });
        deeper.catch(() => undefined);
        await Promise.resolve();
      });
      undone.catch(() => undefined);
      return Promise.resolve();
    });

    expect([seen, await notes()]).toEqual([['told', 'committed'], ['kept']]);
  });
});

describe('a hook that is added too late', () => {
  it('is refused by a savepoint that was released, or undone', async () => {
    await locks.runTransaction(async (tx) => {
      const saved: Transaction[] = [];
      await tx.savepoint((inner) => Promise.resolve(void saved.push(inner)));
      const undone = tx.savepoint((inner) => {
        saved.push(inner);
        return Promise.reject(new Error('no'));
      });
      await expect(undone).rejects.toThrow('no');
      for (const inner of saved) {
        expect(() => inner.afterCommit(() => undefined)).toThrow(ENDED);
        expect(() => inner.afterRollback(() => undefined)).toThrow(ENDED);
      }
    });
  });

  it.each([() => Promise.resolve(), () => Promise.reject(new Error('no'))])(
    'is refused by a transaction that has ended',
    async (end) => {
      let saved: Transaction | undefined;
      await locks
        .runTransaction((tx) => {
          saved = tx;
          return end();
        })
        .catch(() => undefined);

      expect(() => saved?.afterCommit(() => undefined)).toThrow(ENDED);
      expect(() => saved?.afterRollback(() => undefined)).toThrow(ENDED);
    },
  );
});

it('a savepoint that fails while its cursor is open ends the transaction, not only itself', async () => {
  const failure = new Error('no');
  const running = locks.runTransaction(async (tx) => {
    await note(tx, 'lost');
    const undone = tx.savepoint(async (inner) => {
      const cursor = new OpenCursor();
      inner.pg.query(cursor as never);
      await cursor.opened;
      throw failure;
    });
    await expect(undone).rejects.toBe(failure);
  });

  await expect(running).rejects.toMatchObject({
    code: 'TRANSACTION_LOST',
    cause: { message: 'a cursor was left open in a savepoint that failed', cause: failure },
  });
  expect(await notes()).toEqual([]);
});

it('a savepoint is kept when its function has undone a failure by a savepoint of its own', async () => {
  await locks.runTransaction(async (tx) => {
    await tx.savepoint(async (inner) => {
      await inner.query('savepoint mine');
      await expect(inner.query('select 1 / 0')).rejects.toMatchObject({ code: '22012' });
      await inner.query('rollback to savepoint mine');
      await note(inner, 'kept');
    });
  });

  expect(await notes()).toEqual(['kept']);
});

it('a failure that was undone is not given as the cause of a later one', async () => {
  const running = locks.runTransaction(async (tx) => {
    await tx.query('savepoint mine');
    await tx.query('select 1 / 0').catch(() => undefined);
    await tx.query('rollback to savepoint mine');
    await note(tx, 'a');
    await note(tx, 'a').catch(() => undefined);
  });

  await expect(running).rejects.toMatchObject({
    code: 'TRANSACTION_ROLLED_BACK',
    cause: { code: '23505' },
  });
});

describe('a call inside another transaction', () => {
  it('leaves the queue at once when its caller aborts, and lets nobody in before their time', async () => {
    const abort = new AbortController();
    const reason = new Error('stop');
    const seen: string[] = [];
    await locks.runTransaction(async (tx) => {
      const free = createDeferred<void>();
      const first = tx.savepoint(() => free.promise.then(() => void seen.push('first')));
      const { signal } = abort;
      const second = locks.runTransaction(() => Promise.resolve(seen.push('second')), { signal });
      const third = tx.savepoint((inner) => {
        seen.push('third');
        return note(inner, 'third');
      });
      abort.abort(reason);
      await expect(second).rejects.toBe(reason);
      free.resolve();
      await Promise.all([first, third]);
    });

    expect([seen, await notes()]).toEqual([['first', 'third'], ['third']]);
  });

  it('is not begun, or is undone, when its caller aborts', async () => {
    const reason = new Error('stop');
    await locks.runTransaction(async (tx) => {
      const early = locks.runTransaction((inner) => note(inner, 'early'), {
        signal: AbortSignal.abort(reason),
      });
      await expect(early).rejects.toBe(reason);
      const abort = new AbortController();
      const late = locks.runTransaction(
        async (inner) => {
          await note(inner, 'late');
          abort.abort(reason);
        },
        { signal: abort.signal },
      );
      await expect(late).rejects.toBe(reason);
      await note(tx, 'kept');
    });

    expect(await notes()).toEqual(['kept']);
  });

  it.each([
    { readOnly: true },
    { timeouts: { totalMs: 1 } },
    { timeouts: { lockMs: 1 }, nested: 'join' },
  ] as const)('is refused when it asks for what a savepoint cannot give: %j', async (options) => {
    await locks.runTransaction(async () => {
      await expect(
        locks.runTransaction((inner) => note(inner, 'no'), options),
      ).rejects.toMatchObject({ code: 'TRANSACTION_TOO_WEAK' });
    });

    expect(await notes()).toEqual([]);
  });
});
