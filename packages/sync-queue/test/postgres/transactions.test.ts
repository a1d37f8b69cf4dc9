import { createQueue } from '@holdfast/sync-queue';
import { postgresStore } from '@holdfast/sync-queue/postgres';
import { createTestDatabase, type TestDatabase } from '@holdfast/testkit';
import { Kysely, PostgresDialect } from 'kysely';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { itemOf, openKit, type Kit } from '../conformance/kit.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());

const open = (): Promise<Kit> =>
  openKit(() =>
    Promise.resolve({
      store: postgresStore({ pool: database.pool }),
      elapse: () => Promise.resolve(),
      close: () => Promise.resolve(),
    }),
  );

describe.each(['COMMIT', 'ROLLBACK'] as const)('items of a transaction that ends by %s', (end) => {
  const expected = end === 'COMMIT' ? ['a', 'b'] : [];

  test('are there only then', async () => {
    const kit = await open();
    const client = await database.pool.connect();
    await client.query('BEGIN');
    const { verdicts } = await kit.queue.enqueue([itemOf('a'), itemOf('b')], client);

    expect(verdicts.map(({ status }) => status)).toEqual(['accepted', 'accepted']);
    expect(await kit.takeTexts()).toEqual([]);
    await client.query(end);
    client.release();
    expect(await kit.takeTexts()).toEqual(expected);
    await kit.expectStats({
      leased: expected.length,
      count: expected.length,
      bytes: expected.length,
    });
  });

  test('in any isolation', async () => {
    const kit = await open();
    const client = await database.pool.connect();
    await client.query('BEGIN ISOLATION LEVEL SERIALIZABLE');
    await kit.queue.enqueue([itemOf({ text: 'a', key: 'k' }), itemOf('b')], client);
    await client.query(end);
    client.release();

    expect(await kit.takeTexts()).toEqual(expected);
  });
});

test('items of a transaction of Kysely are there when it commits', async () => {
  const kit = await open();
  const db = new Kysely<object>({
    dialect: new PostgresDialect({ pool: database.createPool({ max: 2 }) }),
  });
  onTestFinished(() => db.destroy());
  await db.transaction().execute(async (transaction) => {
    await kit.queue.enqueue([itemOf('a')], transaction);
    expect(await kit.takeTexts()).toEqual([]);
  });
  const failing = db.transaction().execute(async (transaction) => {
    await kit.queue.enqueue([itemOf('b')], transaction);
    throw new Error('no');
  });

  await expect(failing).rejects.toThrow('no');
  expect(await kit.takeTexts()).toEqual(['a']);
});

test('a transaction that has failed takes nothing, and says so', async () => {
  const kit = await open();
  const client = await database.pool.connect();
  await client.query('BEGIN');
  await client.query('SELECT 1 / 0').catch(() => undefined);
  const failing = kit.queue.enqueue([itemOf('a')], client);

  await expect(failing).rejects.toMatchObject({ code: 'STORE_FAILED', outcome: 'not-applied' });
  await client.query('ROLLBACK');
  client.release();
});

test.each(['a client without BEGIN', 'a pool that does not look like one'])(
  '%s is refused, and nothing is added',
  async (what) => {
    const kit = await open();
    const client = await database.pool.connect();
    onTestFinished(() => client.release());
    const query = (text: string, values?: unknown[]) => database.pool.query(text, values);
    const given = what === 'a client without BEGIN' ? client : { query };

    await expect(kit.queue.enqueue([itemOf('a')], given)).rejects.toMatchObject({
      code: 'TRANSACTION_INVALID',
      message: expect.stringContaining('got one without an open transaction') as string,
    });
    await kit.expectStats({});
  },
);

test.each(['a driver that does not tell its state', 'a BEGIN that is still on its way'])(
  'a transaction is one also with %s',
  async (what) => {
    const kit = await open();
    const client = await database.pool.connect();
    const begun = client.query('BEGIN');
    const query = (text: string, values?: unknown[]) => client.query(text, values);
    if (what === 'a driver that does not tell its state') await begun;
    await kit.queue.enqueue([itemOf('a')], what.startsWith('a driver') ? { query } : client);
    await client.query('COMMIT');
    client.release();

    expect(await kit.takeTexts()).toEqual(['a']);
  },
);

test('a consumer hears of what a transaction has added when it commits', async () => {
  const store = postgresStore({ pool: database.pool });
  const queue = createQueue<string>({
    name: 'news of transactions',
    store,
    limits: { maxCount: 100, maxBytes: 10_000 },
    overflow: 'reject',
  });
  onTestFinished(() => queue.close());
  await queue.start();
  const seen = new Promise<string>((resolve) => {
    const handler = ({ value }: { readonly value: string }): Promise<void> => {
      resolve(value);
      return Promise.resolve();
    };
    queue.consumeEach(handler, { pollMs: 20_000 });
  });
  // It listens once its first claim is done.
  while (!(await isListening())) await new Promise((resolve) => setTimeout(resolve, 10));
  const client = await database.pool.connect();
  await client.query('BEGIN');
  await queue.add('a', { transaction: client });
  await client.query('COMMIT');
  client.release();

  expect(await seen).toBe('a');
});

async function isListening(): Promise<boolean> {
  const { rows } = await database.pool.query(
    `SELECT FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'SELECT pg_notify%'`,
  );
  return rows.length > 0;
}
