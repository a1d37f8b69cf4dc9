import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { startFaultProxy, startRedisServer, watchLeaks } from '@holdfast/testkit';
import { Redis } from 'ioredis';
import { expect, it, vi } from 'vitest';
import { guardRedis } from '../../src/redis.ts';
import { FENCE } from '../../src/redis/scripts.ts';

it('reads, and settles the write whose answer was lost, while the server refuses to write', async () => {
  await using server = await startRedisServer();
  await using proxy = await startFaultProxy(server);
  const raw = new Redis(server.url);
  const client = new Redis(proxy.urlFor(server.url), { lazyConnect: true });
  const guard = guardRedis(client, { timeoutMs: 3_000 });
  await guard.ready();
  await Promise.all([guard.incr('n'), guard.set('a', '1')]);
  const refused = { message: expect.stringContaining('NOREPLICAS') as string };

  const down = new Promise<void>((resolve) => guard.on('down', () => resolve()));
  await proxy.refuse();
  const rule = { pattern: '2', when: 'before' } as const;
  const cut = proxy.set('open', { kind: 'cut', direction: 'toClient', rule });
  const unanswered = guard.incr('n');
  await Promise.all([cut.fired, down]);
  await raw.config('SET', 'min-replicas-to-write', '1');
  await proxy.accept();
  expect(await guard.ready()).toBe(true);

  expect(await guard.get('a')).toBe('1');
  await expect(guard.incr('n')).rejects.toMatchObject(refused);
  expect([guard.state, guard.snapshot().counters.downs]).toEqual(['ready', 1]);
  await raw.config('SET', 'min-replicas-to-write', '0');
  expect(await guard.incr('n')).toBe(3);
  expect(await unanswered).toBe(2);

  await guard.close();
  raw.disconnect();
});

it('does not wait for a Sentinel that accepts and says nothing, not even when it is closed', async () => {
  const leaks = watchLeaks();
  const sockets = new Set<Socket>();
  const sentinel = createServer((socket) => sockets.add(socket)).listen(0, '127.0.0.1');
  await once(sentinel, 'listening');
  const { port } = sentinel.address() as AddressInfo;
  const client = new Redis({
    sentinels: [{ host: '127.0.0.1', port }],
    name: 'primary',
    lazyConnect: true,
  });
  const guard = guardRedis(client, { timeoutMs: 100 });
  await vi.waitFor(() => expect(sockets.size).toBeGreaterThan(0), { timeout: 20_000 });

  expect(await guard.get('a')).toBeNull();
  await guard.close();

  expect(guard.state).toBe('closed');
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => sentinel.close(resolve));
  await leaks.assertNone();
});

it('takes no word of a replica for the loss of a journal', async () => {
  await using replica = await startRedisServer();
  const raw = new Redis(replica.url);
  await raw.call('REPLICAOF', '127.0.0.1', '1');
  const send = (command: string, ...args: (string | number)[]): Promise<unknown> =>
    raw.call(command, ...args);

  await expect(FENCE.run(send, ['j', 'j:fenced'], [60_000, 1])).rejects.toThrow(/^READONLY/);

  raw.disconnect();
});
