import { setTimeout as delay } from 'node:timers/promises';
import { createQueue, type Queue, type StoredQueue } from '@holdfast/sync-queue';
import { postgresStore } from '@holdfast/sync-queue/postgres';
import {
  createTestDatabase,
  startFaultProxy,
  type FaultProxy,
  type Pool,
  type TestDatabase,
} from '@holdfast/testkit';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { itemOf, SETTINGS } from '../conformance/kit.ts';

let database: TestDatabase;
let proxy: FaultProxy;

beforeAll(async () => {
  database = await createTestDatabase();
  proxy = await startFaultProxy({ host: '127.0.0.1', port: Number(new URL(database.url).port) });
});
afterAll(async () => {
  await proxy.close();
  await database.close();
});

let names = 0;
const newName = (): string => `q${(names += 1)}`;

/** A queue whose connection goes through the proxy, and the same one without. */
async function openBoth(): Promise<{ broken: StoredQueue; sound: StoredQueue }> {
  const url = proxy.urlFor(database.url);
  const pool = database.createPool({ connectionString: url, max: 1, query_timeout: 1000 });
  const name = newName();
  const broken = postgresStore({ pool });
  await broken.open();
  const sound = postgresStore({ pool: database.pool });
  return { broken: broken.queue(name, SETTINGS), sound: sound.queue(name, SETTINGS) };
}

const ONCE = [itemOf({ text: 'a', idempotencyKey: 'once' })];

function createNumbers(pool: Pool, name = newName()): Queue<number> {
  const queue = createQueue<number>({
    name,
    store: postgresStore({ pool }),
    limits: { maxCount: 100_000, maxBytes: 10_000_000 },
    overflow: 'reject',
    leaseMs: 1000,
  });
  onTestFinished(() => queue.close());
  return queue;
}

describe('a connection', () => {
  test('that is cut after the call reached the server leaves it open, and a key adds once', async () => {
    const { broken, sound } = await openBoth();
    // Of the answer, which the server sends when it has committed.
    const rule = { pattern: 'o_letters', when: 'before' } as const;
    proxy.set('open', { kind: 'cut', direction: 'toClient', rule });

    await expect(broken.enqueue(ONCE)).rejects.toMatchObject({
      code: 'STORE_FAILED',
      outcome: 'unknown',
    });
    expect((await sound.stats()).count).toBe(1);
    expect((await broken.enqueue(ONCE)).verdicts).toMatchObject([{ status: 'duplicate' }]);
    expect(await sound.stats()).toMatchObject({ count: 1, bytes: 1 });
  });

  test('that is cut before the call reached the server leaves it open, too, and nothing is held', async () => {
    const { broken, sound } = await openBoth();
    const rule = { pattern: 'enqueue_v1', when: 'before' } as const;
    proxy.set('open', { kind: 'cut', direction: 'toServer', rule });

    await expect(broken.enqueue(ONCE)).rejects.toMatchObject({ outcome: 'unknown' });
    expect((await sound.stats()).count).toBe(0);
    expect((await broken.enqueue(ONCE)).verdicts).toMatchObject([{ status: 'accepted' }]);
  });

  test('that is half open fails within the timeout of the driver, and another one is made', async () => {
    const { broken, sound } = await openBoth();
    await broken.enqueue([itemOf('a')]);
    const drop = proxy.set('open', { kind: 'drop' });

    await expect(broken.enqueue(ONCE)).rejects.toMatchObject({ outcome: 'unknown' });
    drop.lift();
    expect((await broken.enqueue(ONCE)).verdicts).toMatchObject([{ status: 'accepted' }]);
    expect((await sound.stats()).count).toBe(2);
  });

  test('that is refused leaves nothing open', async () => {
    const { broken } = await openBoth();
    await proxy.refuse();
    proxy.cutAll();

    // The pool may not know yet that its connection is gone.
    await broken.stats().catch(() => undefined);
    await expect(broken.enqueue(ONCE)).rejects.toMatchObject({ outcome: 'not-applied' });
    await proxy.accept();
  });
});

test('a statement that the server refuses has not been applied', async () => {
  const store = postgresStore({ pool: database.pool });
  await store.open();
  const queue = store.queue(newName(), SETTINGS);

  // NUL is no text of PostgreSQL; a queue of this package never sends it.
  await expect(queue.enqueue([itemOf({ text: 'a', key: '\u0000' })])).rejects.toMatchObject({
    code: 'STORE_FAILED',
    outcome: 'not-applied',
  });
  expect((await queue.enqueue(ONCE)).count).toBe(1);
});

describe('news', () => {
  const listeners = `FROM pg_stat_activity WHERE datname = current_database()
    AND query LIKE 'SELECT pg_notify($1, $2)%' AND state = 'idle' AND application_name = $1`;

  async function countListeners(name: string): Promise<number> {
    return (await database.pool.query(`SELECT ${listeners}`, [name])).rows.length;
  }

  /** A consumer that does not look by itself, and what it has seen. */
  function consume(name: string, application: string): number[] {
    const seen: number[] = [];
    const pool = database.createPool({ application_name: application });
    createNumbers(pool, name).consume(
      (batch) => {
        for (const { value } of batch) seen.push(value);
        return Promise.resolve();
      },
      { pollMs: 600_000 },
    );
    return seen;
  }

  test('come to another process, also after its connection was killed', async () => {
    const name = newName();
    const seen = consume(name, name);
    while ((await countListeners(name)) === 0) await delay(10);
    const producer = createNumbers(database.pool, name);
    await producer.add(1);
    while (seen.length < 1) await delay(10);

    await database.pool.query(`SELECT pg_terminate_backend(pid) ${listeners}`, [name]);
    await producer.add(2);
    while (seen.length < 2) await delay(10);
    await producer.add(3);
    while (seen.length < 3) await delay(10);
    expect(seen).toEqual([1, 2, 3]);
  });

  test('negative control: without notices nobody hears', async () => {
    const name = newName();
    const seen = consume(name, name);
    while ((await countListeners(name)) === 0) await delay(10);
    const store = postgresStore({ pool: database.pool, notify: 'off' });
    await store.open();
    // It looks once more when it has begun to listen.
    await delay(100);
    await store.queue(name, SETTINGS).enqueue([itemOf('1')]);
    await delay(300);

    expect(seen).toEqual([]);
  });

  test('are at most twenty notices a second, and the last one is not left out', async () => {
    const store = postgresStore({ pool: database.pool });
    await store.open();
    const queue = store.queue(newName(), SETTINGS);
    const client = await database.pool.connect();
    const { rows } = await database.pool.query<{ channel: string }>(
      `SELECT DISTINCT 'holdfast_queue_' || left(encode(sha256('holdfast_queue'), 'hex'), 16) AS channel`,
    );
    let heard = 0;
    client.on('notification', () => (heard += 1));
    await client.query(`LISTEN ${rows[0]!.channel}`);
    const startedAtMs = performance.now();
    let added = 0;
    while (performance.now() - startedAtMs < 500) {
      await queue.enqueue([itemOf('x')]);
      added += 1;
    }
    const atEnd = heard;
    await delay(150);
    client.release(true);
    await store.close();

    expect(added).toBeGreaterThan(40);
    expect(heard).toBeGreaterThan(3);
    expect(heard).toBeLessThanOrEqual(13);
    expect(heard - atEnd).toBeLessThanOrEqual(2);
  });

  test('do without in a pool of one connection, which serves all', async () => {
    const pool = database.createPool({ max: 1 });
    const queue = createNumbers(pool);
    const seen: number[] = [];
    queue.consume(
      (batch) => {
        for (const { value } of batch) seen.push(value);
        return Promise.resolve();
      },
      { pollMs: 50 },
    );
    await queue.addMany([1, 2, 3]);
    while (seen.length < 3) await delay(10);
    await queue.close();
    await pool.end();

    expect(seen).toEqual([1, 2, 3]);
  });

  test('leave no connection behind', async () => {
    const pool = database.createPool({ max: 3 });
    const queue = createNumbers(pool);
    const consumer = queue.consume(() => Promise.resolve(), { pollMs: 50 });
    await queue.add(1);
    await delay(200);
    await consumer.close();
    await queue.close();

    expect(pool.totalCount - pool.idleCount).toBe(0);
    await pool.end();
  });
});
