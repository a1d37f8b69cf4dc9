import { createTestRedis, startFaultProxy, watchLeaks, type TestRedis } from '@holdfast/testkit';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { guardRedis, type RedisGuard, type RedisGuardOptions } from '../../src/redis.ts';
import { FENCE, OPEN, WRITE } from '../../src/redis/scripts.ts';

let server: TestRedis;
let raw: Redis;
let prefix: string;
let tests = 0;
const guards: RedisGuard[] = [];

beforeAll(async () => {
  server = await createTestRedis();
  raw = server.createClient();
});
afterEach(async () => {
  for (const guard of guards.splice(0)) await guard.close();
});
afterAll(() => server.close());

async function createGuard(options: RedisGuardOptions = {}): Promise<RedisGuard> {
  prefix = `${server.prefix}${++tests}:`;
  const guard = guardRedis(server.createClient({ keyPrefix: 'unused:' }), {
    prefix,
    timeoutMs: 2_000,
    ...options,
  });
  guards.push(guard);
  expect(await guard.ready()).toBe(true);
  return guard;
}

const journals = (): Promise<string[]> => raw.keys(`${prefix}~journal:*`);

describe('a guard on a real Redis', () => {
  it('reads and writes values and counters', async () => {
    const guard = await createGuard();

    expect(await guard.set('a', 'é ', 60_000)).toBe('applied');
    expect(await guard.set('b', '')).toBe('applied');
    expect(await guard.mget(['a', 'b', 'c'])).toEqual(['é ', '', null]);
    expect(await guard.del('a', 'c')).toBe('applied');
    expect(await guard.get('a')).toBeNull();
    expect([await guard.incr('n'), await guard.incrBy('n', -3)]).toEqual([1, -2]);
    expect(await guard.incrBy('n', 0)).toBe(-2);
    expect([await guard.get('n'), await guard.del('n')]).toEqual([null, 'applied']);
    expect(await raw.get(`${prefix}~count:n`)).toBe('-2');
    expect(await raw.pttl(`${prefix}b`)).toBe(-1);
    expect(guard.snapshot().counters).toMatchObject({ reads: 5, hits: 2, misses: 3, writes: 7 });
  });

  it('gives nothing that another guard has deleted, once it has seen that', async () => {
    const guard = await createGuard({ local: {} });
    const other = guardRedis(server.createClient(), { prefix });
    guards.push(other);
    await other.ready();
    const seen = async (): Promise<unknown[]> => [await guard.get('read'), await guard.get('own')];
    await Promise.all([other.set('read', 'r'), guard.set('own', 'o', 60_000)]);
    const before = await seen();
    await other.del('read', 'own');
    const after = await seen();
    await guard.close();

    expect([before, after, await seen()]).toEqual([
      ['r', 'o'],
      [null, null],
      [null, null],
    ]);
  });

  it('costs a write one round trip, with the first one of a connection costing one more', async () => {
    const guard = await createGuard();
    await guard.set('a', '1');
    const commands = async (): Promise<number> =>
      Number(/cmdstat_evalsha:calls=(\d+)/.exec(await raw.info('commandstats'))?.[1]);
    const before = await commands();

    for (let call = 0; call < 10; call += 1) await guard.set('a', '1');

    expect((await commands()) - before).toBeLessThanOrEqual(10);
  });

  it("rejects with the server's own error when the write is the caller's fault", async () => {
    const guard = await createGuard();
    await raw.lpush(`${prefix}~count:list`, 'x');

    await expect(guard.incr('list')).rejects.toThrow('WRONGTYPE');
    expect(guard.snapshot().counters.notApplied).toBe(1);
  });

  it('writes once more in a new journal when the server has lost the old one', async () => {
    const guard = await createGuard();
    await guard.incr('n');
    await raw.del(await journals());

    // In which order they are sent again is nobody's promise.
    const counts = await Promise.all([guard.incr('n'), guard.incr('n'), guard.incr('n')]);
    expect(counts.sort()).toEqual([2, 3, 4]);
  });

  it('writes when the server has forgotten its scripts', async () => {
    const guard = await createGuard();
    await guard.incr('n');
    await raw.script('FLUSH');

    expect(await guard.incr('n')).toBe(2);
  });

  it('deletes everything under its prefix but counters when too many writes have failed', async () => {
    const proxy = await startFaultProxy({
      host: new URL(server.url).hostname,
      port: Number(new URL(server.url).port),
    });
    prefix = `${server.prefix}${++tests}:`;
    const client = new Redis(proxy.urlFor(server.url), { lazyConnect: true });
    const guard = guardRedis(client, { prefix, timeoutMs: 2_000, maxInvalidations: 1 });
    guards.push(guard);
    await guard.ready();
    await guard.incr('n');
    for (const key of ['a', 'b', 'c']) await guard.set(key, 'old');
    await raw.set(`${server.prefix}elsewhere`, 'stays');
    const down = new Promise<void>((resolve) => guard.on('down', () => resolve()));
    await proxy.refuse();
    proxy.cutAll();
    await down;
    await guard.set('a', 'new');
    await guard.set('b', 'new');

    const deleted = new Promise<void>((resolve) => guard.on('invalidated', () => resolve()));
    await proxy.accept();
    await deleted;

    expect(await guard.mget(['a', 'b', 'c'])).toEqual([null, null, null]);
    expect(await guard.incr('n')).toBe(2);
    expect(await raw.get(`${server.prefix}elsewhere`)).toBe('stays');
    await guard.close();
    await proxy.close();
  });

  it('takes its journal away when it is closed', async () => {
    const guard = await createGuard();
    await guard.set('a', '1');
    expect(await journals()).toHaveLength(1);

    await guard.close();

    await vi.waitFor(async () => expect(await journals()).toEqual([]), { timeout: 20_000 });
  });

  it('leaves no timer, socket or listener when it is closed', async () => {
    const client = server.createClient();
    await client.ping();
    const leaks = watchLeaks({ emitters: [client] });
    const guard = guardRedis(client, { prefix: `${server.prefix}leaks:` });
    await guard.ready();
    await Promise.all([guard.set('a', '1'), guard.get('a'), guard.incr('n')]);

    await guard.close();

    await leaks.assertNone();
  });

  it('prints nothing and does not crash when nothing listens at its port', async () => {
    const printed = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const client = new Redis({ port: 1, lazyConnect: true });
    const leaks = watchLeaks();
    const guard = guardRedis(client, { timeoutMs: 300 });

    expect(await guard.ready()).toBe(false);
    expect(await guard.get('a')).toBeNull();
    await guard.close();

    expect(printed).not.toHaveBeenCalled();
    printed.mockRestore();
    await leaks.assertNone();
  });
});

describe('the fence', () => {
  const send =
    (client: Redis) =>
    (command: string, ...args: (string | number)[]): Promise<unknown> =>
      client.call(command, ...args);

  it('refuses what a lost connection has sent, whenever it comes, and tells what it had done', async () => {
    const [lost, next] = [server.createClient(), server.createClient()];
    const journal = `${server.prefix}fence`;
    const counter = `${server.prefix}fenced-counter`;
    const increment = (slot: number): Promise<unknown> =>
      WRITE.run(send(lost), [journal, counter], [slot, slot, 0, 'INCRBY', 1]);
    await OPEN.run(send(lost), [journal], [60_000]);
    await increment(1);

    const keys = [journal, `${journal}:fenced`];
    const ask = (): Promise<unknown> => FENCE.run(send(next), keys, [60_000, 1, 2]);

    expect(await ask()).toEqual(['1:1', null]);
    await expect(increment(2)).rejects.toThrow('FENCED');
    expect(await ask()).toEqual(['1:1', null]);
    expect(await raw.get(counter)).toBe('1');
  });

  it('is what refuses it: without it the same script is applied later (negative control)', async () => {
    const lost = server.createClient();
    const journal = `${server.prefix}unfenced`;
    const counter = `${server.prefix}unfenced-counter`;
    await OPEN.run(send(lost), [journal], [60_000]);

    await WRITE.run(send(lost), [journal, counter], [1, 1, 0, 'INCRBY', 1]);

    expect(await raw.get(counter)).toBe('1');
  });

  it('says that it does not know when the journal is gone', async () => {
    const keys = [`${server.prefix}gone`, `${server.prefix}gone:fenced`];

    expect(await FENCE.run(send(raw), keys, [60_000, 1])).toBeNull();
  });
});
