import { setTimeout as delay } from 'node:timers/promises';
import {
  createTestRedis,
  spawnNode,
  startRedisServer,
  watchLeaks,
  type ServerProcess,
} from '@holdfast/testkit';
import { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { consecutive } from '../../src/circuit-breaker/consecutive.ts';
import type { SharedCircuitBreaker } from '../../src/shared/contract.ts';
import type { SharedCircuitBreakerOptions } from '../../src/shared/options.ts';
import { redisBreakerStore } from '../../src/shared/redis-breaker-store.ts';
import { sharedCircuitBreaker } from '../../src/shared/shared-circuit-breaker.ts';
import { fail, isAccountedFor, succeed } from './fleet.ts';

interface Opened extends AsyncDisposable {
  readonly breaker: SharedCircuitBreaker;
  readonly client: Redis;
  /** Commands that were sent, by name. */
  readonly sent: string[];
}

/** One member with a client of its own, as an application has it: ioredis's own options, its offline queue too. */
async function openMember(
  url: string,
  prefix: string,
  options: Partial<SharedCircuitBreakerOptions> = {},
): Promise<Opened> {
  const client = new Redis(url, { retryStrategy: () => 20 });
  client.on('error', () => undefined);
  await client.ping();
  const sent: string[] = [];
  const counting = {
    get status() {
      return client.status;
    },
    call(command: string, ...args: (string | number)[]) {
      sent.push(command);
      return client.call(command, ...args);
    },
  };
  const breaker = sharedCircuitBreaker({
    name: 'upstream',
    store: redisBreakerStore(counting, { prefix }),
    trip: consecutive(1),
    openMs: { baseMs: 60_000, capMs: 60_000, jitter: 'none' },
    quorum: 'any',
    halfOpen: { probes: 1 },
    pollMs: 50,
    storeTimeoutMs: 100,
    ...options,
  });
  // On a busy machine the first question may take longer than `storeTimeoutMs`.
  await until(() => breaker.snapshot().store === 'up');
  return {
    breaker,
    client,
    sent,
    async [Symbol.asyncDispose]() {
      await breaker.close();
      client.disconnect();
    },
  };
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await delay(5);
}

describe('a shared circuit breaker on a real Redis', () => {
  it('makes 10 000 calls while it is closed without one command', async () => {
    await using redis = await createTestRedis();
    await using member = await openMember(redis.url, redis.prefix, { pollMs: 60_000 });
    const before = member.sent.length;

    for (let n = 0; n < 10_000; n += 1) await member.breaker.execute(() => n);

    expect(before).toBeGreaterThan(0);
    expect(member.sent.length - before).toBe(0);
    expect(member.breaker.snapshot().counters).toMatchObject({ succeeded: 10_000 });
  });

  it('leaves no timer and no listener behind after close()', async () => {
    await using redis = await createTestRedis();
    const client = redis.createClient();
    await client.ping();
    const leaks = watchLeaks({ emitters: [client] });
    const breaker = sharedCircuitBreaker({
      name: 'x',
      store: redisBreakerStore(client, { prefix: redis.prefix }),
    });
    await breaker.ready();
    await breaker.execute(() => 1);

    await breaker.close();

    await leaks.assertNone();
    expect(await client.zcard(`${redis.prefix}{x}:members`)).toBe(0);
  });

  it('lets its process end although it was never closed', async () => {
    await using redis = await createTestRedis();
    const file = new URL('fixtures/never-closed.ts', import.meta.url);
    const child = await spawnNode(file, [redis.url, redis.prefix]);

    const messages = await child.rest();

    expect(messages).toEqual([{ isUp: true }, { isUp: true }]);
    expect(await child.exited).toMatchObject({ code: 0 });
  });

  const outages: readonly [
    string,
    (server: ServerProcess) => Promise<void>,
    (server: ServerProcess) => Promise<void> | void,
  ][] = [
    ['frozen', (server) => server.freeze(), (server) => server.thaw()],
    ['killed, and empty when it is back', (server) => server.kill(), (server) => server.start()],
  ];

  it.each(outages)('S06: goes on while Redis is %s', async (_what, fell, rise) => {
    await using server = await startRedisServer();
    await using first = await openMember(server.url, 'p:');
    await using second = await openMember(server.url, 'p:');
    const events: object[] = [];
    second.breaker.on('store', ({ ok }) => events.push({ ok }));

    await fell(server);
    const results = [await succeed(second.breaker), await fail(first.breaker)];
    await until(() => first.breaker.state === 'open');
    results.push(await succeed(first.breaker), await succeed(second.breaker));
    await until(() => second.breaker.snapshot().store === 'down');
    results.push(await succeed(second.breaker));
    const whileDown = second.breaker.state;
    await rise(server);
    // What the first has found out by itself is its vote when the store is back.
    await until(() => second.breaker.state === 'open');

    expect(results).toEqual(['fine', 'failed', 'CIRCUIT_OPEN', 'fine', 'fine']);
    expect(whileDown).toBe('closed');
    expect(second.breaker.snapshot().store).toBe('up');
    expect(events).toEqual([{ ok: false }, { ok: true }]);
    expect([first.breaker, second.breaker].map(isAccountedFor)).toEqual([true, true]);
  });

  it('S06: settles every call of a half-open circuit while Redis is frozen', async () => {
    await using server = await startRedisServer();
    const openMs = { baseMs: 100, capMs: 100, jitter: 'none' } as const;
    await using member = await openMember(server.url, 'p:', { openMs, pollMs: 60_000 });
    await fail(member.breaker);
    await until(() => member.breaker.state === 'half-open');

    await server.freeze();
    const results = await Promise.all(Array.from({ length: 20 }, () => succeed(member.breaker)));

    expect(results.filter((result) => result === 'fine')).toHaveLength(1);
    expect(results.filter((result) => result === 'CIRCUIT_OPEN')).toHaveLength(19);
    expect(member.breaker.snapshot()).toMatchObject({ state: 'closed', store: 'down' });
    server.thaw();
  });

  it('gives a lease back that Redis granted too late, long before it would end', async () => {
    await using server = await startRedisServer();
    const openMs = { baseMs: 100, capMs: 100, jitter: 'none' } as const;
    const leaseMs = 3_600_000;
    await using member = await openMember(server.url, 'p:', { openMs, leaseMs });
    await fail(member.breaker);
    await until(() => member.breaker.state === 'half-open');
    const { version } = await redisBreakerStore(member.client, { prefix: 'p:' }).read('upstream');

    await server.freeze();
    const result = await succeed(member.breaker);
    const whileDown = member.breaker.snapshot().store;
    server.thaw();
    // On one connection: Redis has run the command for the lease by then.
    await until(() => member.breaker.snapshot().store === 'up');
    const wasGranted = Number(await member.client.hget('p:{upstream}:state', 'longestLease'));
    while ((await member.client.zcard('p:{upstream}:leases')) > 0) await delay(5);

    expect([result, whileDown, wasGranted]).toEqual(['fine', 'down', leaseMs]);
    const view = await redisBreakerStore(member.client, { prefix: 'p:' }).read('upstream');
    expect(view).toMatchObject({ state: 'half-open', version, leases: 0, succeeded: 0 });
  });

  it('puts nothing into the offline queue of a client that is not connected', async () => {
    await using server = await startRedisServer();
    await using member = await openMember(server.url, 'p:', { pollMs: 10 });
    await server.kill();
    await until(
      () => member.client.status !== 'ready' && member.breaker.snapshot().store === 'down',
    );
    const before = member.sent.length;

    for (let n = 0; n < 100; n += 1) await succeed(member.breaker);
    await delay(100);

    expect(member.sent.length).toBe(before);
  });
});
