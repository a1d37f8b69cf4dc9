import { setTimeout as delay } from 'node:timers/promises';
import { seededRandom } from '@holdfast/internal';
import { createQueue, type Queue } from '@holdfast/sync-queue';
import { redisStore, type RedisStoreOptions } from '@holdfast/sync-queue/redis';
import {
  isTorture,
  recordTorture,
  startFaultProxy,
  startRedisServer,
  testSeed,
} from '@holdfast/testkit';
import { Redis } from 'ioredis';
import { describe, expect, onTestFinished, test } from 'vitest';
import { CALLERS, startLoad, startProducing } from '../faults/load.ts';
import { connectQueue } from '../fixtures/stores.ts';
import { tellEarly, type EarlyTeller } from '../fixtures/telling-early.ts';
import { connectAdmin, DURABLE, FAULTS } from './strikes.ts';

const timeout = isTorture ? 300_000 : 30_000;
const random = seededRandom(testSeed());

describe.each(FAULTS)('$name under load', ({ name, full, small, strike }) => {
  test(
    'loses nothing that was acknowledged, and consumers go on by themselves',
    { timeout },
    async () => {
      const startedMs = performance.now();
      await using server = await startRedisServer(DURABLE);
      const admin = connectAdmin(server);
      const opened = await connectQueue({ kind: 'redis', url: server.url, prefix: 'p' });
      const load = startLoad(opened.queue);
      const size = isTorture ? full : small;
      let slowestResumeMs = 0;
      for (let index = 0; index < size; index += 1) {
        await load.resumed();
        await delay(100 * random());
        await strike({ server, admin }, index);
        slowestResumeMs = Math.max(slowestResumeMs, await load.resumed());
      }
      const account = await load.finish();
      await opened.close();

      const seconds = Math.round((performance.now() - startedMs) / 1000);
      const result = { ...account, slowestResumeMs };
      recordTorture({ name: `sync-queue-redis: ${name}`, size, seed: testSeed(), result, seconds });
      expect(result).toMatchObject({ lost: 0, phantoms: 0 });
      expect(result.added).toBeGreaterThan(20);
      if (name === 'SCRIPT FLUSH')
        expect(result).toMatchObject({ refused: {}, storeErrors: 0, doubled: 0 });
      if (isTorture) expect(slowestResumeMs).toBeLessThanOrEqual(2000);
    },
  );
});

test(
  'negative control: without the append-only file a kill loses what was acknowledged',
  { timeout },
  async () => {
    await using server = await startRedisServer();
    const opened = await connectQueue({ kind: 'redis', url: server.url, prefix: 'p' });
    const load = startLoad(opened.queue, { ahead: 1000, workMs: 50 });
    while (load.producing.added.length < 150) await delay(5);
    await server.kill();
    await server.start();
    await load.resumed();

    expect((await load.finish()).lost).toBeGreaterThan(0);
    await opened.close();
  },
);

/** Takes the server's memory away under load until adds fail and what it holds is done, gives it back, and accounts. */
async function runOutOfMemory(early?: EarlyTeller) {
  await using server = await startRedisServer();
  const admin = connectAdmin(server);
  const place = { kind: 'redis', url: server.url, prefix: 'p' } as const;
  const opened = await connectQueue(place, { wrap: early?.wrap });
  const load = startLoad(opened.queue, {
    workMs: 20,
    ahead: early === undefined ? 200 : 1_000_000,
  });
  while (load.producing.added.length < 150) await delay(5);
  await admin.config('SET', 'maxmemory', '1mb');
  while (early?.failed() === 0) await delay(5);
  while ((await opened.queue.stats()).count > 0) await delay(5);
  await admin.config('SET', 'maxmemory', '0');
  const before = load.producing.added.length;
  while (load.producing.added.length === before) await delay(5);
  await load.producing.stop();
  await early?.idle();
  const account = await load.finish();
  await opened.close();
  return account;
}

test(
  'without memory left adds are refused as not held, and what is held is done',
  { timeout },
  async () => {
    const account = await runOutOfMemory();

    expect(account).toMatchObject({ lost: 0, phantoms: 0, doubled: 0 });
    expect(Object.keys(account.refused)).toEqual(['STORE_FAILED']);
  },
);

test(
  'negative control: without memory left what was told to be added before the answer is lost',
  { timeout },
  async () => {
    expect((await runOutOfMemory(tellEarly())).lost).toBeGreaterThan(0);
  },
);

function openOn(url: string, durability: RedisStoreOptions['durability']): Queue<number> {
  const client = new Redis(url, {
    ...{ maxRetriesPerRequest: 0, commandTimeout: 2000, retryStrategy: () => 50 },
  });
  client.on('error', () => undefined);
  const queue = createQueue<number>({
    name: 'numbers',
    store: redisStore({ client, prefix: 'p', durability }),
    limits: { maxCount: 1_000_000, maxBytes: 2 ** 30 },
    overflow: 'reject',
  });
  onTestFinished(async () => {
    client.disconnect();
    await queue.close();
  });
  return queue;
}

async function offsetOf(client: ReturnType<typeof connectAdmin>, name: string): Promise<number> {
  const info = await client.info('replication');
  return Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1]);
}

/** Kills a master whose replica has fallen behind, and goes on with the replica. */
async function failOver(durability: RedisStoreOptions['durability']) {
  await using master = await startRedisServer();
  await using proxy = await startFaultProxy(master);
  const replicaof = `${proxy.host} ${proxy.port}`;
  await using replica = await startRedisServer({ settings: { replicaof } });
  const admin = connectAdmin(replica);
  while (!(await admin.info('replication')).includes('master_link_status:up')) await delay(10);

  const queue = openOn(master.url, durability);
  const producing = startProducing(queue, { ahead: 2000, doneCount: () => 0 });
  while (producing.added.length < 100) await delay(5);
  // What was acknowledged until here has reached it.
  const source = connectAdmin(master);
  const sent = await offsetOf(source, 'master_repl_offset');
  while ((await offsetOf(admin, 'slave_repl_offset')) < sent) await delay(5);
  proxy.set('open', { kind: 'freeze' });
  const behind = producing.added.length;
  await delay(300);
  await master.kill();
  await producing.stop();
  await admin.call('REPLICAOF', 'NO', 'ONE');

  const seen = new Set<number>();
  const survivor = openOn(replica.url, 'ack');
  survivor.consume(async (batch) => {
    for (const { value } of batch) seen.add(value);
    return Promise.resolve();
  });
  while ((await survivor.stats()).count > 0) await delay(10);
  const lost = producing.added.filter((value) => !seen.has(value)).length;
  const afterwards = producing.added.length - behind;
  return { added: producing.added.length, afterwards, lost };
}

describe('a failover to a replica that is behind', () => {
  test('loses nothing that was acknowledged with durability on replicas', { timeout }, async () => {
    const startedMs = performance.now();
    const size = isTorture ? 10 : 1;
    const result = { added: 0, afterwards: 0, lost: 0 };
    for (let index = 0; index < size; index += 1) {
      const { added, afterwards, lost } = await failOver({ replicas: 1, timeoutMs: 100 });
      result.added += added;
      result.afterwards += afterwards;
      result.lost += lost;
    }
    const seconds = Math.round((performance.now() - startedMs) / 1000);
    const name = 'sync-queue-redis: failover, replicas 1';
    recordTorture({ name, size, seed: testSeed(), result, seconds });
    expect(result.lost).toBe(0);
    expect(result.added).toBeGreaterThan(0);
  });

  test(
    'negative control: with durability ack it loses what the replica has not got',
    { timeout },
    async () => {
      const startedMs = performance.now();
      const result = await failOver('ack');
      const seconds = Math.round((performance.now() - startedMs) / 1000);
      const name = 'sync-queue-redis: failover, ack';
      recordTorture({ name, size: 1, seed: testSeed(), result, seconds });
      expect(result.lost).toBeGreaterThan(0);
      // Of each caller one may have been on its way to the replica when the link stood still, and its answer on its way here.
      expect(result.lost).toBeGreaterThanOrEqual(result.afterwards - CALLERS);
      expect(result.lost).toBeLessThan(result.added - 100 + CALLERS);
    },
  );
});
