import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  createOutbox,
  createQueue,
  createReceiver,
  memoryOutboxStore,
  memoryReceiptStore,
  memoryStore,
  type QueueStore,
} from '@holdfast/sync-queue';
import { createTestDatabase, createTestRedis } from '@holdfast/testkit';
import { expect, test } from 'vitest';
import { httpPush, syncServer } from '../examples/http-sync.ts';
import { addReading } from '../examples/latest-per-device.ts';
import { databaseStore, placeOrder } from '../examples/order-with-its-job.ts';
import { storeOrders } from '../examples/outcome-per-item.ts';
import { redriveTimeouts } from '../examples/redrive-timeouts.ts';
import { localStore, sharedStore } from '../examples/stores.ts';
import { statusOf, workLogs } from '../examples/sync-endpoint.ts';
import { addOrTell } from '../examples/tell-full.ts';

const folder = new URL('../examples/', import.meta.url);
const limits = { maxCount: 100, maxBytes: 10_000 };

test('work-in-memory runs', async () => {
  await import('../examples/work-in-memory.ts');
});

test('outcome-per-item stores the good orders and buries the bad one', async () => {
  const options = { name: 'orders', store: memoryStore(), limits, overflow: 'reject' } as const;
  await using queue = createQueue<{ id: string; total: number }>(options);
  await queue.addMany([
    { id: 'a', total: 5 },
    { id: 'b', total: -1 },
  ]);
  const stored: string[] = [];

  const consumer = storeOrders(queue, async ({ id }) => void stored.push(id));
  while (queue.snapshot().dead === 0) await new Promise((resolve) => setImmediate(resolve));
  await consumer.close();

  expect(stored).toEqual(['a']);
  expect((await queue.dead.list()).letters).toMatchObject([{ reason: 'the total is negative' }]);
});

test('latest-per-device lets alarms go first and folds what waits', async () => {
  const options = { name: 'readings', store: memoryStore(), limits, overflow: 'reject' } as const;
  await using queue = createQueue<{ device: string; values: readonly number[] }>(options);
  await addReading(queue, { device: 'a', values: [1] }, false);
  await addReading(queue, { device: 'a', values: [2] }, false);
  await addReading(queue, { device: 'b', values: [9] }, true);
  const seen: unknown[] = [];

  const consumer = queue.consumeEach(({ value }) => Promise.resolve(void seen.push(value)));
  while (seen.length < 2) await new Promise((resolve) => setImmediate(resolve));
  await consumer.close();

  expect(seen).toEqual([
    { device: 'b', values: [9] },
    { device: 'a', values: [1, 2] },
  ]);
});

test('tell-full says what there is no room in', async () => {
  const options = { name: 'q', store: memoryStore(), overflow: 'reject' } as const;
  await using queue = createQueue<string>({ ...options, limits: { maxCount: 1, maxBytes: 10 } });

  expect(await addOrTell(queue, 'a')).toBe('accepted');
  expect(await addOrTell(queue, 'b')).toBe('no room in maxCount, 100 % full');
});

test('stores opens a queue on Redis and one on an encrypted file', async () => {
  await using redis = await createTestRedis();
  const directory = mkdtempSync(join(tmpdir(), 'sync-queue-'));
  const { client, store } = await sharedStore(redis.url, () => undefined);

  expect(await addAndCount(store, `${redis.prefix}orders`)).toBe(1);
  expect(await addAndCount(localStore(join(directory, 'q.db'), 'a key'), 'orders')).toBe(1);

  client.disconnect();
  rmSync(directory, { recursive: true });
});

test('stores leaves no client behind when Redis is not there', async () => {
  const told: string[] = [];

  await expect(
    sharedStore('redis://:secret@127.0.0.1:1', (line) => told.push(line)),
  ).rejects.toThrow('ECONNREFUSED');
  const heard = told.length;
  await delay(200);
  expect(told).toHaveLength(heard);
});

test('order-with-its-job keeps an order and its job together', async () => {
  await using database = await createTestDatabase();
  const { pool } = database;
  await pool.query('CREATE TABLE orders (id text PRIMARY KEY, total int CHECK (total > 0))');
  const options = { name: 'ship', store: databaseStore(pool), limits, overflow: 'reject' } as const;
  await using jobs = createQueue<{ id: string; total: number }>(options);

  await placeOrder(pool, jobs, { id: 'a', total: 5 });
  await expect(placeOrder(pool, jobs, { id: 'b', total: -1 })).rejects.toThrow('total');
  await expect(placeOrder(pool, jobs, { id: 'a', total: 5 })).rejects.toThrow('orders_pkey');

  expect((await pool.query('SELECT id FROM orders')).rows).toEqual([{ id: 'a' }]);
  expect(await jobs.stats()).toMatchObject({ ready: 1 });
});

test('redrive-timeouts redrives what timed out, and tells how far it is', async () => {
  const options = { name: 'calls', store: memoryStore(), limits, overflow: 'reject' } as const;
  await using queue = createQueue<unknown>(options);
  await queue.addMany(['timeout of a', 'no such b', 'timeout of c']);
  const consumer = queue.consume(async (batch) =>
    batch.map(({ id, value }) => ({ id, status: 'dead', reason: String(value) })),
  );
  while (queue.snapshot().dead < 3) await new Promise((resolve) => setImmediate(resolve));
  await consumer.close();
  const lines: string[] = [];

  const { signal } = new AbortController();
  const report = await redriveTimeouts(queue, { signal, log: (line) => lines.push(line) });

  expect(report).toEqual({ matched: 2, redriven: 2, full: 0 });
  expect(lines).toEqual(['2 letters', '3 of 3: 2 redriven, 0 found no room']);
});

async function addAndCount(store: QueueStore, name: string): Promise<number> {
  await using queue = createQueue<number>({ name, store, limits, overflow: 'reject' });
  await queue.add(1);
  return (await queue.stats()).ready;
}

test.each(['offline-edits', 'payloads'])('%s runs', async (name) => {
  await import(`../examples/${name}.ts`);
});

test('sync-endpoint applies edits once, and tells conflicts', async () => {
  await using database = await createTestDatabase();
  const pool = database.createPool();
  await pool.query('CREATE TABLE work_log (id text PRIMARY KEY, version int, doc jsonb)');
  await using receiver = await workLogs(pool);
  const at = '000000000001-0000-a';
  const send = (seq: number, op: object) =>
    receiver.receive({
      ...{ clientId: 'c', streamId: 's', ackedSeq: 0 },
      ops: [{ key: `k${seq}`, seq, body: JSON.stringify([{ ...op, entity: 'log', id: '1', at }]) }],
    });

  const insert = { kind: 'insert', doc: { minutes: 5 } };
  await send(1, insert);
  await send(1, insert);
  const { verdicts } = await send(2, {
    kind: 'patch',
    set: { minutes: 6 },
    base: { version: '0' },
  });

  expect(verdicts).toMatchObject([{ status: 'conflict', theirs: { minutes: 5 }, version: '1' }]);
  await expect(receiver.receive('<html>').catch(statusOf)).resolves.toBe(400);
});

test('http-sync carries edits to a receiver, and refuses what is no request', async () => {
  const store = memoryReceiptStore();
  await using receiver = createReceiver({
    store,
    apply: (op, { tx }) => {
      tx.set(op.id, op.kind);
      return Promise.resolve({ status: 'applied' });
    },
  });
  const server = syncServer(receiver).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const push = httpPush(url, () => 'a token');
  await using outbox = createOutbox({
    ...{ store: memoryOutboxStore(), push, clientId: 'c', limits },
  });

  const { settled } = await outbox.enqueue({ kind: 'delete', entity: 'log', id: 'a' });
  await outbox.sync();

  expect(await settled).toEqual({ status: 'applied', results: [{}] });
  expect(store.values.get('a')).toBe('delete');
  for (const body of ['{', '{}'])
    expect((await fetch(url, { method: 'POST', body })).status).toBe(400);
  await new Promise((resolve) => {
    server.close(resolve);
    server.closeAllConnections();
  });
});

test.each(readdirSync(folder))('the README shows %s as it is', (file) => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const source = readFileSync(new URL(file, folder), 'utf8');

  expect(source.split('\n').length).toBeLessThanOrEqual(41);
  expect(readme).toContain(`\`\`\`ts\n${source}\`\`\`\n`);
});
