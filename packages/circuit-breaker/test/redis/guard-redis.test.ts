import { createFakeClock, createGate } from '@holdfast/testkit';
import { consecutive } from '@holdfast/circuit-breaker';
import { remaining, withDeadline } from '../../src/deadline.ts';
import { describe, expect, it, vi } from 'vitest';
import { guardRedis, type RedisGuard, type RedisGuardOptions } from '../../src/redis.ts';
import { FakeRedis, never, replyError, scriptOf, type Command } from './fake-redis.ts';

function create(options: RedisGuardOptions = {}) {
  const clock = createFakeClock();
  const redis = new FakeRedis();
  const guard = guardRedis(redis, { timeoutMs: 100, clock, random: () => 0, ...options });
  return { clock, redis, guard };
}

async function createUp(options: RedisGuardOptions = {}) {
  const parts = create(options);
  parts.redis.goUp();
  expect(await parts.guard.ready()).toBe(true);
  return parts;
}

/** Answers writes with 1 and everything else as `rest` does. */
const writable =
  (rest: (command: Command) => unknown = () => null) =>
  (command: Command): unknown =>
    scriptOf(command) === undefined ? rest(command) : '1';

/** Goes down with a write of `lost` unanswered; gives what its caller will get. */
async function loseWrite(redis: FakeRedis, guard: RedisGuard) {
  redis.answer = writable();
  await guard.set('warm', '1');
  redis.answer = never;
  const write = guard.set('lost', 'old');
  const isSent = (): void => expect(redis.sent.map(scriptOf)).toEqual(['open', 'write', 'write']);
  await vi.waitFor(isSent, { timeout: 20_000 });
  redis.goDown();
  return { write };
}

describe('a guarded Redis that does not answer', () => {
  it('settles every call at its time-out, and gives up the connection', async () => {
    const { clock, redis, guard } = await createUp();
    redis.answer = never;
    const settled: unknown[] = [];
    for (const call of [guard.get('a'), guard.mget(['a', 'b']), guard.set('a', '1')]) {
      void call.then((value) => settled.push(value));
    }

    await clock.advance(99);
    expect(settled).toEqual([]);
    await clock.advance(1);

    expect(settled).toEqual([null, [null, null], 'not-applied']);
    expect(redis.reconnects).toBe(1);
  });

  it('settles calls at once while it is down, and sends nothing', async () => {
    const { clock, redis, guard } = await createUp();
    redis.goDown();

    const results = [await guard.get('a'), await guard.set('a', '1'), await guard.del('a')];

    expect(results).toEqual([null, 'not-applied', 'not-applied']);
    await expect(guard.incr('n')).rejects.toMatchObject({ code: 'REDIS_UNAVAILABLE' });
    expect([redis.sent, clock.pending(), guard.state]).toEqual([[], 0, 'down']);
  });

  it('settles calls at once before it was ever up', async () => {
    const { guard, redis } = create();

    expect(await guard.get('a')).toBeNull();
    expect([guard.state, redis.sent]).toEqual(['connecting', []]);
  });

  it('says that a write which was sent is unknown, and names its key', async () => {
    const { clock, redis, guard } = await createUp();
    redis.answer = writable();
    await guard.set('warm', '1');
    const unknown: unknown[] = [];
    guard.on('unknown', ({ keys }) => unknown.push(...keys));
    redis.answer = never;
    const set = guard.set('a', '1');
    const incr = guard.incr('n').catch((error: unknown) => error);

    await clock.advance(100);

    expect(await set).toBe('unknown');
    expect(await incr).toMatchObject({ code: 'REDIS_WRITE_UNKNOWN' });
    expect(unknown).toEqual(['a', '~count:n']);
  });

  it('says why it is down, also when the connection was just closed', async () => {
    const { redis, guard } = await createUp();
    const told: unknown[] = [];
    guard.on('down', ({ error }) => told.push(error));

    redis.goDown();
    redis.goUp();
    await guard.ready();
    redis.emit('error', new Error('ECONNRESET'));
    redis.goDown();

    expect(told).toEqual([new Error('the connection was closed'), new Error('ECONNRESET')]);
    await expect(guard.incr('n')).rejects.toMatchObject({ cause: new Error('ECONNRESET') });
  });

  it('does not drop a connection for a call that was sent on the one before', async () => {
    const { clock, redis, guard } = await createUp();
    redis.answer = writable();
    await guard.set('warm', '1');
    redis.answer = (command) => (scriptOf(command) === 'write' ? never() : null);
    const write = guard.set('a', '1');
    redis.goDown();
    redis.answer = never;
    redis.goUp();

    await clock.advance(100);

    expect([await write, redis.reconnects]).toEqual(['unknown', 0]);
  });

  it('finds out after a reconnect, and within the time-out, what became of a write', async () => {
    const { clock, redis, guard } = await createUp();
    redis.answer = writable();
    await guard.set('warm', '1');
    redis.answer = never;
    const writes = [guard.incr('n'), guard.incr('m').catch((error: unknown) => error)];
    await clock.advance(1);
    redis.goDown();
    // The journal says: the second write of the connection gave 7, of the third there is no note.
    redis.answer = (command) => (scriptOf(command) === 'fence' ? ['2:7', '1:1'] : null);
    redis.goUp();

    expect(await writes[0]).toBe(7);
    expect(await writes[1]).toMatchObject({ code: 'REDIS_UNAVAILABLE' });
  });

  it('does not send a write that was given up while its journal was being opened', async () => {
    const { clock, redis, guard } = await createUp();
    const gate = createGate();
    redis.answer = async (command) => {
      if (scriptOf(command) === 'open') await gate.pass();
      return '1';
    };
    const write = guard.set('a', '1');

    await clock.advance(100);
    gate.open();
    await clock.advance(1);

    expect(await write).toBe('not-applied');
    expect(redis.sent.map(scriptOf)).not.toContain('write');
  });

  it('is not up before the server has confirmed the fence', async () => {
    const { clock, redis, guard } = await createUp();
    await loseWrite(redis, guard);
    const gate = createGate();
    redis.answer = async () => gate.pass();
    redis.goUp();
    await clock.advance(1);

    expect([guard.state, redis.sent.slice(3).map(scriptOf)]).toEqual(['down', ['fence']]);
    gate.open();
    await clock.advance(1);
    expect(guard.state).toBe('ready');
  });

  it('tries another connection when the fence is not answered in 2 s, or lost', async () => {
    const { clock, redis, guard } = await createUp();
    await loseWrite(redis, guard);
    redis.answer = never;
    redis.goUp();
    await clock.advance(2_000);
    expect([guard.state, redis.reconnects]).toEqual(['down', 1]);

    redis.answer = () => Promise.reject(new Error('Connection is closed.'));
    redis.goUp();
    await clock.advance(1);

    expect([guard.state, redis.reconnects]).toEqual(['down', 2]);
  });

  it('asks for no fence when every write was answered', async () => {
    const { redis, guard } = await createUp();
    redis.answer = writable();
    await guard.set('warm', '1');
    redis.goDown();
    redis.answer = never;

    redis.goUp();
    await guard.ready();

    expect([guard.state, redis.sent.slice(2)]).toEqual(['ready', []]);
  });

  it('reads from a server that refuses to change anything, and fences before the first change', async () => {
    const { clock, redis, guard } = await createUp();
    const { write } = await loseWrite(redis, guard);
    const misconf = replyError('MISCONF Redis is configured to save RDB snapshots');
    redis.answer = ([name]) => (name === 'GET' ? 'read' : Promise.reject(misconf));
    redis.goUp();
    await clock.advance(1);

    expect([guard.state, redis.reconnects, await guard.get('b')]).toEqual(['ready', 0, 'read']);
    await expect(guard.incr('n')).rejects.toBe(misconf);
    const before = redis.sent.length;
    const isFence = (command: Command): boolean => scriptOf(command) === 'fence';
    redis.answer = (command) => (isFence(command) ? ['2:1'] : '1');
    expect(await guard.incr('n')).toBe(1);

    expect(redis.sent.slice(before).map(scriptOf)).toEqual(['fence', 'open', 'write']);
    expect(await write).toBe('applied');
  });
});

describe('what reads give in the place of what cannot be read', () => {
  it('rejects with onDown throw', async () => {
    const { redis, guard } = await createUp({ onDown: 'throw' });
    redis.goDown();

    await expect(guard.get('a')).rejects.toMatchObject({ code: 'REDIS_UNAVAILABLE' });
    await expect(guard.mget(['a'])).rejects.toMatchObject({ code: 'REDIS_UNAVAILABLE' });
    expect(guard.snapshot().counters).toMatchObject({ reads: 2, failedReads: 2 });
  });

  it('gives what this process has last seen with onDown local, for as long as it may', async () => {
    const { clock, redis, guard } = await createUp({ local: { ttlMs: 50 } });
    redis.answer = writable(() => 'from redis');
    await guard.get('read');
    await guard.set('written', 'by us');
    await guard.set('deleted', 'by us');
    await guard.del('deleted');
    redis.goDown();

    const keys = ['read', 'written', 'deleted'];
    expect(await guard.mget(keys)).toEqual(['from redis', 'by us', null]);
    expect(guard.snapshot().counters).toMatchObject({ hits: 1, localHits: 2, misses: 1 });
    await clock.advance(50);
    expect(await guard.mget(keys)).toEqual([null, null, null]);
  });

  const local = { onDown: 'local', local: { ttlMs: 1_000 } } as const;

  it('gives nothing that it has seen deleted', async () => {
    const { redis, guard } = await createUp(local);
    redis.answer = writable(([name]) => (name === 'MGET' ? ['b', 'c'] : 'a'));
    await guard.get('a');
    await guard.mget(['b', 'c']);
    await guard.set('d', 'd', 500);
    const keys = ['a', 'b', 'c', 'd'];
    redis.answer = ([name]) => (name === 'MGET' ? [null, null, 'c', null] : null);
    await guard.mget(keys);
    redis.goDown();

    expect(await guard.mget(keys)).toEqual([null, null, 'c', null]);
    await expect(
      guard.getOrLoad('a', 1_000, () => Promise.reject(new Error('origin down'))),
    ).rejects.toThrow('origin down');
  });

  it('gives nothing longer than it was set for, also when it was read again meanwhile', async () => {
    const { clock, redis, guard } = await createUp(local);
    redis.answer = writable(() => 'a');
    await guard.set('a', 'a', 50);
    await guard.set('b', 'b', 50);
    await clock.advance(49);
    await guard.get('a');
    redis.goDown();

    expect(await guard.mget(['a', 'b'])).toEqual(['a', 'b']);
    await clock.advance(1);
    expect(await guard.mget(['a', 'b'])).toEqual([null, null]);
  });

  it.each(['drop', 'invalidate-later', 'throw'] as const)(
    'gives no value whose write was not applied, with writes %s',
    async (writes) => {
      const { redis, guard } = await createUp({ ...local, writes });
      redis.answer = writable();
      await guard.set('a', 'old');
      redis.answer = () => Promise.reject(replyError('OOM command not allowed'));
      await guard.set('a', 'new').catch(() => undefined);
      redis.goDown();
      await guard.set('b', 'new').catch(() => undefined);

      expect(await guard.mget(['a', 'b'])).toEqual([null, null]);
    },
  );

  it('gives nothing that a read brought which was sent before the key was deleted', async () => {
    const { redis, guard } = await createUp(local);
    redis.answer = writable(() => 'old');
    await guard.set('warm', '1');

    await Promise.all([guard.get('a'), guard.get('b'), guard.del('a'), guard.set('b', 'new')]);
    redis.goDown();

    expect(await guard.mget(['a', 'b'])).toEqual([null, 'new']);
  });

  it('gives what was loaded while Redis was down', async () => {
    const { clock, redis, guard } = await createUp(local);
    redis.goDown();
    await guard.getOrLoad('a', 50, () => 'loaded');

    expect(await guard.get('a')).toBe('loaded');
    await clock.advance(50);
    expect(await guard.get('a')).toBeNull();
  });

  it("rejects when the server calls it the caller's fault", async () => {
    const { redis, guard } = await createUp();
    redis.answer = () => Promise.reject(replyError('WRONGTYPE Operation against a key'));

    await expect(guard.get('a')).rejects.toThrow('WRONGTYPE');
    expect(guard.breaker.snapshot().counters.failed).toBe(0);
  });

  it('asks no more when the breaker is open', async () => {
    const { redis, guard } = await createUp({ breaker: { trip: consecutive(2) } });
    redis.answer = () => Promise.reject(replyError('OOM command not allowed'));
    await guard.get('a');
    await guard.get('a');

    expect(guard.breaker.state).toBe('open');
    expect([await guard.get('a'), redis.sent.length]).toEqual([null, 2]);
    await expect(guard.incr('n')).rejects.toMatchObject({ code: 'CIRCUIT_OPEN' });
  });

  it('leaves the breaker closed when there was no connection, so that it is up with the connection', async () => {
    const { redis, guard } = await createUp({ breaker: { trip: consecutive(2) } });
    redis.goDown();
    for (let call = 0; call < 10; call += 1) await guard.get('a');

    redis.answer = () => 'back';
    redis.goUp();
    await guard.ready();

    expect(await guard.get('a')).toBe('back');
  });

  it('reconnects when a replica answers a write', async () => {
    const { redis, guard } = await createUp();
    redis.answer = () => Promise.reject(replyError('READONLY a replica'));

    expect(await guard.set('a', '1')).toBe('not-applied');
    expect(redis.reconnects).toBe(1);
  });
});

describe('writes that failed', () => {
  it('deletes their keys after recovery, and serves no old value before that is done', async () => {
    const { clock, redis, guard } = await createUp();
    redis.goDown();
    await guard.set('a', 'new');
    await guard.del('b');
    const gate = createGate();
    redis.answer = async ([name]) => {
      if (name === 'UNLINK') await gate.pass();
      return name === 'GET' ? 'old' : null;
    };
    redis.goUp();
    await guard.ready();

    expect([await guard.get('a'), await guard.get('b'), await guard.get('c')]).toEqual([
      null,
      null,
      'old',
    ]);
    gate.open();
    await clock.advance(0);
    await guard.get('a');

    expect(redis.sent).toEqual([
      ['UNLINK', 'cache:a', 'cache:b'],
      ['GET', 'cache:c'],
      ['GET', 'cache:a'],
    ]);
  });

  it('does not take a write for the newest that is found applied after a later one had failed', async () => {
    const { redis, guard } = await createUp({ onDown: 'local', local: {} });
    const { write: lost } = await loseWrite(redis, guard);
    expect(await guard.del('lost')).toBe('not-applied');
    redis.answer = (command) => (scriptOf(command) === 'fence' ? ['2:1'] : never());

    redis.goUp();

    expect(await lost).toBe('applied');
    expect(await guard.get('lost')).toBeNull();
    expect(redis.sent.at(-1)).toEqual(['UNLINK', 'cache:lost']);
  });

  it('serves the old value with writes drop (negative control)', async () => {
    const { redis, guard } = await createUp({ writes: 'drop' });
    redis.goDown();
    await guard.set('a', 'new');
    redis.answer = () => 'old';
    redis.goUp();
    await guard.ready();

    expect(await guard.get('a')).toBe('old');
  });

  it('does not take the old value that was on its way when the write failed', async () => {
    const { redis, guard } = await createUp();
    const gate = createGate();
    redis.answer = async (command) => {
      if (command[0] !== 'GET') throw replyError('OOM command not allowed');
      await gate.pass();
      return 'old';
    };
    const read = guard.get('a');
    await gate.arrived();
    await guard.set('a', 'new');
    gate.open();

    expect(await read).toBeNull();
  });

  it('rejects with writes throw', async () => {
    const { redis, guard } = await createUp({ writes: 'throw' });
    redis.goDown();

    await expect(guard.set('a', '1')).rejects.toMatchObject({ code: 'REDIS_UNAVAILABLE' });
    expect(guard.snapshot().counters).toMatchObject({ writes: 1, notApplied: 1 });
  });

  it('misses for every key when too many have failed, and tells it', async () => {
    const { redis, guard } = await createUp({ maxInvalidations: 2 });
    const told: unknown[] = [];
    guard.on('overflow', (event) => told.push(event));
    redis.goDown();
    for (const key of ['a', 'b', 'c']) await guard.set(key, '1');
    redis.answer = () => never();
    redis.goUp();
    await guard.ready();

    expect(await guard.get('another')).toBeNull();
    expect(told).toEqual([{ maxInvalidations: 2 }]);
    expect(redis.names()).toEqual(['SCAN']);
  });

  it('refuses the write after 1 024 that are unanswered', async () => {
    const { clock, redis, guard } = await createUp();
    redis.answer = writable();
    await guard.incr('n');
    redis.answer = never;
    for (let call = 0; call < 1_024; call += 1) guard.incr('n').catch(() => undefined);

    await expect(guard.incr('n')).rejects.toThrow('too many writes are unanswered');
    const closed = guard.close();
    await clock.advance(100);
    await closed;
  });
});

describe('getOrLoad', () => {
  it('loads once for those who ask together, and sets the value for up to 10 % less', async () => {
    const { redis, guard } = await createUp({ random: () => 0.5 });
    redis.answer = writable();
    const gate = createGate();
    let loads = 0;
    const load = async (): Promise<string> => {
      loads += 1;
      await gate.pass();
      return 'loaded';
    };
    const calls = Array.from({ length: 100 }, () => guard.getOrLoad('a', 1_000, load));
    gate.open();

    expect(new Set(await Promise.all(calls))).toEqual(new Set(['loaded']));
    expect(loads).toBe(1);
    expect(redis.names().filter((name) => name === 'GET')).toHaveLength(1);
    expect(redis.sent.at(-1)?.slice(-4)).toEqual(['SET', 'loaded', 'PX', 950]);
  });

  it('does not load under the deadline of the caller who happened to be first', async () => {
    const { clock, redis, guard } = await createUp();
    redis.answer = writable();
    const gate = createGate();
    const left: number[] = [];
    const load = async (): Promise<string> => {
      left.push(remaining(clock));
      await gate.pass();
      return 'loaded';
    };
    const hasty = withDeadline(10, () => guard.getOrLoad('a', 1_000, load), { clock });
    const isExpired = expect(hasty).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    const patient = guard.getOrLoad('a', 1_000, load);
    await clock.advance(10);
    await isExpired;
    gate.open();

    expect(await patient).toBe('loaded');
    expect(left).toEqual([Infinity]);
  });

  it('does not load what is there', async () => {
    const { redis, guard } = await createUp();
    redis.answer = () => 'cached';

    expect(await guard.getOrLoad('a', 1_000, () => Promise.reject(new Error('no')))).toBe('cached');
  });

  it.each(['miss', 'local', 'throw'] as const)(
    'loads when Redis is down, with onDown %s and writes throw',
    async (onDown) => {
      const { guard } = create({ onDown, writes: 'throw' });

      expect(await guard.getOrLoad('a', 1_000, () => 'loaded')).toBe('loaded');
    },
  );

  it('gives the last value when the loader fails, and tells it', async () => {
    const { clock, redis, guard } = await createUp({ local: { ttlMs: 1_000 } });
    redis.answer = writable();
    await guard.set('a', 'last', 1);
    await clock.advance(1);
    const told: unknown[] = [];
    guard.on('stale', ({ key }) => told.push(key));

    const fail = (): Promise<string> => Promise.reject(new Error('origin down'));
    expect(await guard.getOrLoad('a', 1_000, fail)).toBe('last');
    await expect(guard.getOrLoad('b', 1_000, fail)).rejects.toThrow('origin down');
    expect(told).toEqual(['a']);
    expect(guard.snapshot().counters).toMatchObject({ loads: 2, failedLoads: 2, staleLoads: 1 });
  });

  it('rejects when the loader gives no text', async () => {
    const { guard } = create();

    await expect(guard.getOrLoad('a', 1, () => 5 as never)).rejects.toThrow(
      'what load gives must be a string, got number',
    );
  });
});

describe('close', () => {
  it('waits for calls in flight, leaves no timer, and refuses later calls', async () => {
    const { clock, redis, guard } = await createUp();
    redis.answer = writable();
    await guard.set('warm', '1');
    redis.answer = never;
    const write = guard.set('a', '1');
    let isClosed = false;

    const closed = guard.close().then(() => (isClosed = true));
    await clock.advance(99);
    expect(isClosed).toBe(false);
    await clock.advance(1);
    await closed;

    expect(await write).toBe('unknown');
    expect([await guard.get('a'), await guard.set('a', '1')]).toEqual([null, 'not-applied']);
    await expect(guard.incrBy('n', 0)).rejects.toMatchObject({ code: 'REDIS_UNAVAILABLE' });
    expect(await guard.getOrLoad('a', 1_000, () => 'loaded')).toBe('loaded');
    expect([clock.pending(), guard.state, await guard.ready()]).toEqual([0, 'closed', false]);
    expect([redis.listenerCount('ready'), redis.listenerCount('close')]).toEqual([0, 0]);
    await guard.close();
  });

  it('lets go those who wait for it to be ready', async () => {
    const { clock, guard } = create();
    const ready = guard.ready();

    await guard.close();

    expect([await ready, clock.pending()]).toEqual([false, 0]);
  });

  it('says after its time-out that it is not ready', async () => {
    const { clock, guard } = create();
    const ready = guard.ready();

    await clock.advance(100);

    expect(await ready).toBe(false);
  });
});
