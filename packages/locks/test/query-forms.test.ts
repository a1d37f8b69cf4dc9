import { createTestDatabase, type PoolClient, type TestDatabase } from '@holdfast/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { OpenCursor } from './fixtures/open-cursor.ts';
import { createLocks, type Locks } from '../src/index.ts';

let database: TestDatabase;
let locks: Locks<PoolClient>;
let unheard: unknown[];
const hear = (error: unknown): void => void unheard.push(error);

beforeAll(async () => {
  database = await createTestDatabase();
  locks = createLocks({ db: database.pool, namespace: 'test' });
});
beforeEach(() => {
  unheard = [];
  process.on('unhandledRejection', hear);
});
afterEach(() => {
  process.off('unhandledRejection', hear);
});
afterAll(() => database.close());

type AnyQuery = (...args: unknown[]) => unknown;

/** The client of a transaction that has ended. */
async function endedClient(): Promise<AnyQuery> {
  const { pg } = await locks.runTransaction((tx) => Promise.resolve({ pg: tx.pg }));
  return (...args) => (pg.query as AnyQuery)(...args);
}

it('a query that is refused is told of it in its own way, and ends no process', async () => {
  const query = await endedClient();
  const heard: unknown[] = [];
  const told = (error: unknown): void => void heard.push(error);
  class Stream {
    submit = (): void => undefined;
    handleError = told;
  }
  const stream = new Stream();
  const results = [
    query('select 1', told),
    query('select $1', [1], told),
    query({ text: 'select 1', callback: told }),
    query(stream),
    query({ submit: () => undefined }),
  ];
  await new Promise((resolve) => setImmediate(resolve));

  expect(heard).toHaveLength(4);
  for (const error of heard) expect(error).toMatchObject({ code: 'TRANSACTION_ENDED' });
  expect(results.slice(0, 4)).toEqual([undefined, undefined, undefined, stream]);
  await expect(query('select 1')).rejects.toMatchObject({ code: 'TRANSACTION_ENDED' });
  expect(unheard).toEqual([]);
});

it('a configuration with a callback can be used again', async () => {
  const answers: unknown[] = [];
  await locks.runTransaction(async ({ pg }) => {
    await new Promise<void>((done) => {
      const callback = (_error: unknown, answer: { rows: unknown[] }): void => {
        answers.push(answer.rows);
        if (answers.length === 2) done();
      };
      const config = { text: 'select $1::int as n', callback };
      (pg.query as AnyQuery)(config, [1]);
      (pg.query as AnyQuery)(config, [2]);
    });
  });

  expect(answers).toEqual([[{ n: 1 }], [{ n: 2 }]]);
});

it('the failure of a query with a callback is known as the cause of the rollback', async () => {
  const running = locks.runTransaction(
    ({ pg }) => new Promise<void>((done) => pg.query('select 1 / 0', () => done())),
  );

  await expect(running).rejects.toMatchObject({
    code: 'TRANSACTION_ROLLED_BACK',
    cause: { code: '22012' },
  });
});

it('a connection whose cursor was closed is used again after a rollback', async () => {
  const own = database.createPool({ max: 1 });
  const single = createLocks({ db: own, namespace: 'test' });
  const pids: unknown[] = [];
  const run = () =>
    single.runTransaction(async ({ pg }) => {
      pids.push((await pg.query('select pg_backend_pid() as pid')).rows);
      const cursor = new OpenCursor();
      pg.query(cursor as never);
      await cursor.opened;
      cursor.close();
      await cursor.closed;
      throw new Error('no');
    });
  await expect(run()).rejects.toThrow('no');
  await expect(run()).rejects.toThrow('no');

  expect(pids[0]).toEqual(pids[1]);
});

it('a call of the driver that throws leaves nothing counted as open', async () => {
  await locks.withSessionLock('k', async ({ pg, assertHeld }) => {
    expect(() => (pg.query as AnyQuery)(null)).toThrow(TypeError);
    await assertHeld();
  });
});
