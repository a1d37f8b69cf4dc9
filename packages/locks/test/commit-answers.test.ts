import { createDeferred } from '@holdfast/internal';
import { startFaultProxy, type PoolClient } from '@holdfast/testkit';
import { describe, expect, it } from 'vitest';
import { createLocks, type PgPoolLike } from '../src/index.ts';
import { database, locks, NOTES, note, pool, useLocks } from './set-up.ts';

useLocks(NOTES);

/** A pool whose connections commit, and then say that they failed. */
function failingAfterCommit(failure: Error): PgPoolLike {
  const connect = async (): Promise<PoolClient> => {
    const client = await pool.connect();
    const query = async (text: string, values?: unknown[]): Promise<unknown> => {
      const answer = await client.query(text, values);
      if (text === 'COMMIT') throw failure;
      return answer;
    };
    return new Proxy(client, {
      get(target, name) {
        const value: unknown = name === 'query' ? query : Reflect.get(target, name, target);
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      },
    });
  };
  return { connect };
}

describe('an answer to COMMIT that is no verdict', () => {
  it.each([
    { severity: 'PANIC', code: '58030' },
    { severity: 'FATAL', code: '53100' },
    { severity: 'ПАНИКА', code: '58030' },
    { code: 'EPIPE' },
  ])('makes it ask what became of the transaction: %j', async (facts) => {
    const db = failingAfterCommit(Object.assign(new Error('could not fsync'), facts));
    const asking = createLocks({ db, namespace: 'test' });
    const verdicts: string[] = [];
    asking.on('ambiguous', ({ verdict }) => verdicts.push(verdict));
    await asking.runTransaction((tx) => note(tx, 'a'));

    expect(verdicts).toEqual(['committed']);
    await expect(
      asking.runTransaction((tx) => note(tx, 'b'), { ambiguous: 'throw' }),
    ).rejects.toMatchObject({ code: 'AMBIGUOUS_COMMIT' });
  });
});

describe('a statement that nobody waits for', () => {
  it.each(['throw', 'resolve'] as const)(
    'is the cause when it has failed, with ambiguous: %s',
    async (ambiguous) => {
      const running = locks.runTransaction(
        (tx) => {
          tx.query('select 1 / 0').catch(() => undefined);
          return Promise.resolve();
        },
        { ambiguous },
      );

      await expect(running).rejects.toMatchObject({
        code: 'TRANSACTION_ROLLED_BACK',
        cause: { code: '22012' },
      });
    },
  );

  it.each(['throw', 'resolve'] as const)(
    'makes another try when it has failed because of others, with ambiguous: %s',
    async (ambiguous) => {
      let attempts = 0;
      await locks.runTransaction(
        (tx) => {
          attempts += 1;
          const raise = `do $$ begin raise exception 'conflict' using errcode = '40001'; end $$`;
          if (attempts === 1) tx.query(raise).catch(() => undefined);
          return Promise.resolve();
        },
        { ambiguous },
      );

      expect(attempts).toBe(2);
    },
  );
});

describe('an end of the transaction that is not answered', () => {
  const proxied = async () => {
    const { hostname: host, port } = new URL(database.url);
    const proxy = await startFaultProxy({ host, port: Number(port) });
    const db = database.createPool({ connectionString: proxy.urlFor(database.url), max: 1 });
    return { proxy, far: createLocks({ db, namespace: 'test' }) };
  };

  it('is left soon after an abort when it is COMMIT, and is then looked for', async () => {
    const { proxy, far } = await proxied();
    const reached = createDeferred<void>();
    const abort = new AbortController();
    const verdicts: string[] = [];
    far.on('ambiguous', ({ verdict }) => verdicts.push(verdict));
    const running = far.runTransaction(
      async (tx) => {
        await note(tx, 'a');
        proxy.set('open', { kind: 'freeze' });
        reached.resolve();
      },
      { signal: abort.signal, ambiguous: 'throw' },
    );
    await reached.promise;
    await new Promise((resolve) => setImmediate(resolve));
    abort.abort(new Error('stop'));

    await expect(running).rejects.toMatchObject({ code: 'AMBIGUOUS_COMMIT' });
    expect(verdicts).toEqual(['unknown']);
    proxy.cutAll();
    await proxy[Symbol.asyncDispose]();
  });

  it('tells the reason of an abort when COMMIT was not sent yet', async () => {
    const { proxy, far } = await proxied();
    const abort = new AbortController();
    const reason = new Error('stop');
    const running = far.runTransaction(
      async (tx) => {
        await note(tx, 'a');
        proxy.set('open', { kind: 'freeze' });
        // The question where the transaction is to be found is on its way by then.
        setTimeout(() => abort.abort(reason), 20);
      },
      { signal: abort.signal },
    );

    await expect(running).rejects.toBe(reason);
    proxy.cutAll();
    await proxy[Symbol.asyncDispose]();
  });

  it('is given up after some seconds when it is ROLLBACK', async () => {
    const { proxy, far } = await proxied();
    const failure = new Error('no');
    const told: unknown[] = [];
    far.on('rollbackFailed', ({ error }) => told.push(error));
    const running = far.runTransaction(async (tx) => {
      await note(tx, 'a');
      proxy.set('open', { kind: 'freeze' });
      throw failure;
    });

    await expect(running).rejects.toBe(failure);
    expect(told).toHaveLength(1);
    proxy.cutAll();
    await proxy[Symbol.asyncDispose]();
  }, 10_000);
});
