import { setTimeout as delay } from 'node:timers/promises';
import type { StoredQueue } from '@holdfast/sync-queue';
import { postgresStore } from '@holdfast/sync-queue/postgres';
import {
  createTestDatabase,
  spawnNode,
  type NodeProcess,
  type TestDatabase,
} from '@holdfast/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { itemOf, SETTINGS } from '../conformance/kit.ts';
import type { ClaimerMessage, ClaimerTask } from '../fixtures/postgres-claimer.ts';

let database: TestDatabase;
let schemas = 0;

beforeAll(async () => {
  database = await createTestDatabase();
  await database.pool.query('CREATE TABLE holding (id bigint PRIMARY KEY)');
  await database.pool.query('CREATE TABLE done (id bigint PRIMARY KEY)');
});
afterAll(() => database.close());

async function openFilled(count: number): Promise<{ schema: string; queue: StoredQueue }> {
  await database.pool.query('TRUNCATE holding, done');
  const schema = `claimers_${(schemas += 1)}`;
  const store = postgresStore({ pool: database.pool, schema });
  await store.open();
  const queue = store.queue('q', { ...SETTINGS, limits: { maxCount: 10_000, maxBytes: 1e7 } });
  for (let added = 0; added < count; added += 250) {
    await queue.enqueue(Array.from({ length: 250 }, (_, index) => itemOf(`${added + index}`)));
  }
  return { schema, queue };
}

function startClaimer(schema: string, leaseMs: number): Promise<NodeProcess<ClaimerMessage>> {
  const task: ClaimerTask = { url: database.url, schema, leaseMs };
  const file = new URL('../fixtures/postgres-claimer.ts', import.meta.url);
  return spawnNode<ClaimerMessage>(file, [JSON.stringify(task)]);
}

async function sumOf(claimers: readonly NodeProcess<ClaimerMessage>[]): Promise<ClaimerMessage> {
  const messages = (await Promise.all(claimers.map((claimer) => claimer.rest()))).flat();
  return {
    done: messages.reduce((sum, { done }) => sum + done, 0),
    doubled: messages.reduce((sum, { doubled }) => sum + doubled, 0),
  };
}

test('four processes never work on one item at a time', async () => {
  const { schema, queue } = await openFilled(1500);
  const four = [0, 1, 2, 3].map(() => startClaimer(schema, 60_000));

  expect(await sumOf(await Promise.all(four))).toEqual({ done: 1500, doubled: 0 });
  expect(await queue.stats()).toMatchObject({ count: 0, bytes: 0, leased: 0 });
});

test('negative control: with leases that are over at once they do', async () => {
  const { schema } = await openFilled(500);
  const four = [0, 1, 2, 3].map(() => startClaimer(schema, 1));

  expect((await sumOf(await Promise.all(four))).doubled).toBeGreaterThan(0);
});

test('of processes that are killed every item is done in the end, and every lease comes back', async () => {
  const { schema, queue } = await openFilled(1500);
  for (let kills = 0; kills < 8; kills += 1) {
    const claimer = await startClaimer(schema, 300);
    while ((await queue.stats()).leased === 0) await delay(5);
    await delay(20 * kills);
    await claimer.kill();
  }
  const last = [0, 1].map(() => startClaimer(schema, 300));
  await sumOf(await Promise.all(last));

  const { rows } = await database.pool.query('SELECT count(*)::integer AS count FROM done');
  expect(rows).toEqual([{ count: 1500 }]);
  expect(await queue.stats()).toMatchObject({ count: 0, bytes: 0, leased: 0, ready: 0, dead: 0 });
});
