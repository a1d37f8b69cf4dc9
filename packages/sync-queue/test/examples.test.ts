import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createQueue, memoryStore, type QueueStore } from '@holdfast/sync-queue';
import { createTestRedis } from '@holdfast/testkit';
import { expect, test } from 'vitest';
import { addReading } from '../examples/latest-per-device.ts';
import { storeOrders } from '../examples/outcome-per-item.ts';
import { localStore, sharedStore } from '../examples/stores.ts';

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

test('stores opens a queue on Redis and one on an encrypted file', async () => {
  await using redis = await createTestRedis();
  const directory = mkdtempSync(join(tmpdir(), 'sync-queue-'));
  const { client, store } = sharedStore(redis.url);
  await new Promise((resolve) => client.once('ready', resolve));

  expect(await addAndCount(store, `${redis.prefix}orders`)).toBe(1);
  expect(await addAndCount(localStore(join(directory, 'q.db'), 'a key'), 'orders')).toBe(1);

  client.disconnect();
  rmSync(directory, { recursive: true });
});

async function addAndCount(store: QueueStore, name: string): Promise<number> {
  await using queue = createQueue<number>({ name, store, limits, overflow: 'reject' });
  await queue.add(1);
  return (await queue.stats()).ready;
}

test.each(readdirSync(folder))('the README shows %s as it is', (file) => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const source = readFileSync(new URL(file, folder), 'utf8');

  expect(source.split('\n').length).toBeLessThanOrEqual(41);
  expect(readme).toContain(`\`\`\`ts\n${source}\`\`\`\n`);
});
