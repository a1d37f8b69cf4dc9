import { setTimeout as delay } from 'node:timers/promises';
import { redisStore, type RedisStoreOptions } from '@holdfast/sync-queue/redis';
import { startFaultProxy, startRedisServer, type ServerProcess } from '@holdfast/testkit';
import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { itemOf, SETTINGS } from '../conformance/kit.ts';
import { connectAdmin } from './strikes.ts';

async function open(server: ServerProcess, durability: RedisStoreOptions['durability']) {
  // It sends again after a reconnect what had no answer, as it does by default.
  const client = new Redis(server.url, { maxRetriesPerRequest: null, retryStrategy: () => 10 });
  client.on('error', () => undefined);
  onTestFinished(() => client.disconnect());
  const store = redisStore({ client, durability });
  await store.open();
  return store.queue('durable', SETTINGS);
}

/** Whoever waits for a confirmation is blocked. */
async function untilBlocked(admin: Redis): Promise<void> {
  while (!(await admin.info('clients')).includes('blocked_clients:1\r')) await delay(5);
}

test('what another server confirms in place of the one that had the item does not count', async () => {
  await using master = await startRedisServer({ settings: { 'repl-diskless-sync-delay': '0' } });
  await using proxy = await startFaultProxy(master);
  const replicaof = `${proxy.host} ${proxy.port}`;
  await using replica = await startRedisServer({ settings: { replicaof } });
  const ofReplica = connectAdmin(replica);
  while (!(await ofReplica.info('replication')).includes('master_link_status:up')) await delay(5);
  const admin = connectAdmin(master);
  const queue = await open(master, { replicas: 1, timeoutMs: 20_000 });
  await queue.enqueue([itemOf('a')]);
  const frozen = proxy.set('open', { kind: 'freeze' });

  const adding = queue.enqueue([itemOf('b')]);
  adding.catch(() => undefined);
  await untilBlocked(admin);
  // What it had is gone; the replica follows the one that begins anew.
  await master.kill();
  frozen.lift();
  proxy.cutAll();
  await master.start();

  await expect(adding).rejects.toMatchObject({
    outcome: 'unknown',
    message: expect.stringContaining('the connection has changed before 1 replica') as string,
  });
  expect(await queue.stats()).toMatchObject({ count: 0 });
}, 30_000);
