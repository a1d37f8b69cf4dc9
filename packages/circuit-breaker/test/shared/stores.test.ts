import { setTimeout as delay } from 'node:timers/promises';
import { createFakeClock, createTestRedis, startRedisServer } from '@holdfast/testkit';
import { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { memoryBreakerStore } from '../../src/shared/memory-breaker-store.ts';
import { redisBreakerStore } from '../../src/shared/redis-breaker-store.ts';
import type { BreakerStore } from '../../src/shared/store.ts';
import { describeBreakerStore } from './store-contract.ts';

describeBreakerStore('memoryBreakerStore', () => {
  const clock = createFakeClock();
  return Promise.resolve({
    store: memoryBreakerStore({ clock }),
    pass: (ms) => clock.advance(ms),
    close: () => Promise.resolve(),
  });
});

describeBreakerStore('redisBreakerStore', async () => {
  const redis = await createTestRedis();
  const client = redis.createClient();
  await client.ping();
  return {
    store: redisBreakerStore(client, { prefix: redis.prefix }),
    // Its clock counts whole milliseconds.
    pass: (ms) => delay(ms + 2),
    kept: (circuit) => client.keys(`${redis.prefix}{${circuit}}*`),
    close: () => redis.close(),
  };
});

const report = {
  member: 'm',
  liveMs: 1_000,
  voteMs: 1_000,
  quorum: 'any',
  expectedVersion: 0,
  openMs: 1,
} as const;

it('negative control: without the fence a delayed vote opens a circuit that was just closed', async () => {
  const clock = createFakeClock();
  const store = memoryBreakerStore({ clock });
  const unfenced: BreakerStore = {
    ...store,
    async sync(circuit, late) {
      const { version } = await store.read(circuit);
      return store.sync(circuit, { ...late, expectedVersion: version });
    },
  };
  const { version } = await store.sync('x', report);
  await clock.advance(1);
  const probe = { token: 't', expectedVersion: version, probes: 1 };
  await store.lease('x', { ...probe, leaseMs: 1_000, concurrent: 1 });
  await store.settle('x', { ...probe, verdict: 'success', maxFailures: 0, openMs: 1 });

  const delayed = { ...report, expectedVersion: version };

  expect(await store.sync('x', delayed)).toMatchObject({ state: 'closed' });
  expect(await unfenced.sync('x', delayed)).toMatchObject({ state: 'open' });
});

describe('redisBreakerStore', () => {
  it('lets every key expire', async () => {
    await using redis = await createTestRedis();
    const client = redis.createClient();
    await client.ping();
    const store = redisBreakerStore(client, { prefix: redis.prefix });
    const { version } = await store.sync('x', report);
    await delay(5);
    const request = { token: 't', leaseMs: 1_000, expectedVersion: version };
    await store.lease('x', { ...request, probes: 3, concurrent: 1 });
    for (const member of ['1', '2', '3']) await store.sync('y', { ...report, voteMs: 0, member });
    await store.sync('y', { ...report, member: '1', quorum: 'majority' });

    const keys = await client.keys(`${redis.prefix}*`);
    const ttls = await Promise.all(keys.map((key) => client.pttl(key)));

    expect(keys.map((key) => key.slice(redis.prefix.length)).sort()).toEqual([
      '{x}:leases',
      '{x}:members',
      '{x}:state',
      '{y}:members',
      '{y}:state',
      '{y}:votes',
    ]);
    for (const ttl of ttls) expect(ttl).toBeGreaterThan(0);
  });

  it('keeps all keys of one circuit in one slot, so that a cluster takes its scripts', async () => {
    await using server = await startRedisServer({ settings: { 'cluster-enabled': 'yes' } });
    const client = new Redis(server.url);
    await client.call('CLUSTER', 'ADDSLOTSRANGE', 0, 16_383);
    while (!String(await client.call('CLUSTER', 'INFO')).includes('state:ok')) await delay(20);
    const store = redisBreakerStore(client);

    for (const circuit of ['x', 'a}b', '{', '}', '{}']) {
      expect(await store.sync(circuit, report), circuit).toMatchObject({ state: 'open', opens: 1 });
    }
    client.disconnect();
  });

  it('takes a version that nobody has seen when a circuit was forgotten', async () => {
    await using redis = await createTestRedis();
    const client = redis.createClient();
    await client.ping();
    const store = redisBreakerStore(client, { prefix: redis.prefix });
    const before = await store.sync('x', report);
    await client.del(`${redis.prefix}{x}:state`);

    const after = await store.sync('x', report);

    expect(after.version).toBeGreaterThan(before.version);
    expect(Number.isSafeInteger(after.version)).toBe(true);
  });

  it('sends the text of a script when the server has forgotten it', async () => {
    await using server = await startRedisServer();
    const client = new Redis(server.url);
    await client.ping();
    const store = redisBreakerStore(client);
    await store.sync('x', report);
    await client.script('FLUSH');

    expect(await store.read('x')).toMatchObject({ members: 1 });
    client.disconnect();
  });

  it('sends nothing while the client is not ready', async () => {
    const client = new Redis({ lazyConnect: true });
    const store = redisBreakerStore(client);

    await expect(store.read('x')).rejects.toThrow('the client is wait');
    expect(client.status).toBe('wait');
  });

  it('refuses a prefix with braces, which would decide the slot', () => {
    const client = new Redis({ lazyConnect: true });

    expect(() => redisBreakerStore(client, { prefix: '{a}' })).toThrow(TypeError);
    expect(() => redisBreakerStore({ status: 'ready' } as never)).toThrow(TypeError);
  });

  it('rejects when it is answered with something else', async () => {
    const store = redisBreakerStore({ status: 'ready', call: () => Promise.resolve('OK') });

    await expect(store.read('x')).rejects.toThrow('answered with OK');
  });
});
