import { setTimeout as delay } from 'node:timers/promises';
import { redisStore } from '@holdfast/sync-queue/redis';
import { parsedOutput, programRunner, startRedisServer } from '@holdfast/testkit';
import { Cluster, Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeStore } from '../conformance/index.ts';
import { itemOf, SETTINGS, SHARDED, textOf } from '../conformance/kit.ts';

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

const createFixture = (shards: number) => () =>
  Promise.resolve({
    store: redisStore({ client: cluster, shards }),
    elapse: (ms: number) => delay(ms + 5),
    close: () => Promise.resolve(),
  });

describeStore('redis cluster', createFixture(1));
describeStore('redis cluster, 4 shards', createFixture(4), SHARDED);

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

test('one queue lies on all masters when it has shards', async () => {
  const prefix = 'sharded';
  const store = redisStore({ client: cluster, prefix, shards: 4 });
  await store.open();
  const queue = store.queue('spread', SETTINGS);
  await queue.agree?.();
  const texts = Array.from({ length: 40 }, (_, index) => `i${index}`);
  for (const text of texts) await queue.enqueue([itemOf(text)]);
  await queue.recordSettings?.();

  const places = await Promise.all(
    cluster.nodes('master').map((node) => node.keys('{*sharded:spread}:items')),
  );
  expect(places.flat()).toHaveLength(4);
  expect(places.filter((keys) => keys.length > 0).length).toBeGreaterThan(1);
  const { items } = await queue.claim({ maxItems: 40, leaseMs: 60_000 });
  expect(items.map(textOf).sort()).toEqual([...texts].sort());
  const dead = items
    .slice(0, 8)
    .map((item) => ({ ...item, status: 'dead', reason: 'bad' }) as const);
  expect(new Set(await queue.settle(dead))).toEqual(new Set(['settled']));

  const run = programRunner(new URL('../../src/cli.ts', import.meta.url));
  const flags = ['spread', '--url', servers[0]!.url, '--prefix', prefix, '--cluster', '--json'];
  const [inspected, page] = await Promise.all([
    run(['inspect', ...flags]),
    run(['dead', ...flags, '--limit', '5']),
  ]);
  expect(parsedOutput(inspected)).toMatchObject({
    settings: { limits: SETTINGS.limits },
    stats: { count: 32, leased: 32, dead: 8 },
  });
  const { letters, next } = parsedOutput(page) as { letters: readonly unknown[]; next: string };
  expect(letters).toHaveLength(5);
  expect((await queue.listDead({ limit: 5, after: next })).letters).toHaveLength(3);
  expect(parsedOutput(await run(['redrive', ...flags, '--yes']))).toMatchObject({
    report: { redriven: 8 },
  });
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
