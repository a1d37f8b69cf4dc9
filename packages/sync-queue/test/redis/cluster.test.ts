import { setTimeout as delay } from 'node:timers/promises';
import { redisStore } from '@holdfast/sync-queue/redis';
import { parsedOutput, programRunner, startRedisServer } from '@holdfast/testkit';
import { Cluster, Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeStore } from '../conformance/index.ts';
import { itemOf, SETTINGS } from '../conformance/kit.ts';

const SLOTS = 16_384;
let servers: Awaited<ReturnType<typeof startRedisServer>>[] = [];
let cluster: Cluster;

/** Three masters, each with a third of the slots. */
beforeAll(async () => {
  servers = await Promise.all(
    [0, 1, 2].map(() => startRedisServer({ settings: { 'cluster-enabled': 'yes' } })),
  );
  const clients = servers.map(({ url }) => new Redis(url));
  const [first] = servers.map(({ url }) => new URL(url));
  for (const [index, client] of clients.entries()) {
    const from = Math.floor((index * SLOTS) / 3);
    const to = Math.floor(((index + 1) * SLOTS) / 3) - 1;
    await client.call('CLUSTER', 'ADDSLOTSRANGE', from, to);
    await client.call('CLUSTER', 'SET-CONFIG-EPOCH', index + 1);
    if (index > 0) await client.call('CLUSTER', 'MEET', first!.hostname, first!.port);
  }
  for (const client of clients) {
    while (!(await isWhole(client))) await delay(50);
    client.disconnect();
  }
  cluster = new Cluster(servers.map(({ url }) => ({ host: '127.0.0.1', port: portOf(url) })));
});
afterAll(async () => {
  cluster.disconnect();
  await Promise.all(servers.map((server) => server.stop()));
});

describeStore('redis cluster', () =>
  Promise.resolve({
    store: redisStore({ client: cluster }),
    elapse: (ms) => delay(ms + 5),
    close: () => Promise.resolve(),
  }),
);

test('queues lie on all masters', async () => {
  const store = redisStore({ client: cluster });
  await store.open();
  for (let index = 0; index < 30; index += 1) {
    await store.queue(`spread ${index}`, SETTINGS).enqueue([itemOf('a')]);
  }

  const sizes = await Promise.all(cluster.nodes('master').map((node) => node.dbsize()));
  expect(sizes).toHaveLength(3);
  expect(Math.min(...sizes)).toBeGreaterThan(0);
});

async function isWhole(client: Redis): Promise<boolean> {
  const info = String(await client.call('CLUSTER', 'INFO'));
  return info.includes('cluster_state:ok') && info.includes('cluster_known_nodes:3');
}

function portOf(url: string): number {
  return Number(new URL(url).port);
}

test('the command is told of all queues through one node, and told by it when it is one of many', async () => {
  const prefix = 'commanded';
  const store = redisStore({ client: cluster, prefix });
  const names = Array.from({ length: 8 }, (_, index) => `q${index}`);
  for (const name of names) await store.queue(name, SETTINGS).recordSettings?.();
  const run = programRunner(new URL('../../src/cli.ts', import.meta.url));
  const flags = ['inspect', '--url', servers[0]!.url, '--prefix', prefix];

  expect(parsedOutput(await run([...flags, '--cluster', '--json']))).toMatchObject(
    names.map((queue) => ({ queue, stats: { count: 0 } })),
  );
  const answers = await Promise.all(names.map((name) => run([...flags, name])));
  const refused = answers.filter(({ code }) => code === 2);
  expect(refused.length).toBeGreaterThan(0);
  for (const { stderr } of refused) {
    expect(stderr).toMatch(
      /^holdfast-sync-queue: Redis at \S+ is a node of a Cluster: add --cluster\n$/,
    );
  }
});
