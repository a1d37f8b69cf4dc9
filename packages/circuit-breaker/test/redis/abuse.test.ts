import { describe, expect, it } from 'vitest';
import { guardRedis, type RedisGuardOptions } from '../../src/redis.ts';
import { FakeRedis } from './fake-redis.ts';

describe('wrong options', () => {
  it.each([
    [{ name: '' }, 'name must be a non-empty string, got ""'],
    [{ prefix: '' }, 'prefix must be a non-empty string, got ""'],
    [{ timeoutMs: 0 }, 'timeoutMs must be an integer of at least 1, got 0'],
    [{ timeoutMs: '5' }, 'timeoutMs must be an integer of at least 1, got "5"'],
    [{ onDown: 'crash' }, 'onDown must be one of miss, local, throw, got "crash"'],
    [{ writes: 'retry' }, 'writes must be one of drop, invalidate-later, throw, got "retry"'],
    [{ local: 5 }, 'local must be an object, got 5'],
    [{ local: { maxEntries: 0 } }, 'local.maxEntries must be an integer of at least 1, got 0'],
    [{ local: { ttlMs: 0.5 } }, 'local.ttlMs must be an integer of at least 1, got 0.5'],
    [{ maxInvalidations: 0 }, 'maxInvalidations must be an integer of at least 1, got 0'],
    [{ breaker: 'on' }, 'breaker must be an object, got a string'],
    [{ breaker: { rampMs: -1 } }, 'rampMs must be a finite number of at least 0, got -1'],
    [
      { timeout: 5 },
      'timeout is not an option of guardRedis; its options are name, prefix, timeoutMs, breaker, onDown, local, writes, maxInvalidations, clock, random',
    ],
    [{ local: { ttl: 5 } }, 'local.ttl is not an option; those of local are maxEntries, ttlMs'],
    [
      { onDown: 'local', local: { ttl: undefined } },
      'local.ttl is not an option; those of local are maxEntries, ttlMs',
    ],
    [
      { breaker: { window: 5 } },
      'breaker.window is not an option; those of breaker are name, trip, openMs, halfOpen, rampMs, mode, classify, restore',
    ],
    [
      { breaker: { clock: {} } },
      'breaker.clock is not an option; those of breaker are name, trip, openMs, halfOpen, rampMs, mode, classify, restore',
    ],
    [
      { breaker: { halfOpen: { probe: 1 } } },
      'halfOpen.probe is not an option; those of halfOpen are probes, concurrent, maxFailures, maxWaitMs',
    ],
    [{ clock: 5 }, 'clock must be an object, got 5'],
    [{ random: 5 }, 'random must be a function, got 5'],
  ])('%j throws at once', (options, message) => {
    expect(() => guardRedis(new FakeRedis(), options as unknown as RedisGuardOptions)).toThrow(
      message,
    );
  });

  it.each([
    [undefined, 'client must be an object, got undefined'],
    [{}, 'client.duplicate must be a function, got undefined'],
    [{ isCluster: true, duplicate: () => undefined }, 'got a Cluster'],
  ])('client %j throws at once', (client, message) => {
    expect(() => guardRedis(client as never)).toThrow(message);
  });
});

describe('wrong arguments', () => {
  const guard = guardRedis(new FakeRedis());

  it.each([
    ['get without a key', () => guard.get(''), 'key must be a non-empty string'],
    ['get of what is not a value', () => guard.get('~count:a'), 'key must not begin with "~"'],
    ['mget of text', () => guard.mget('a' as never), 'keys must be an array'],
    ['mget of nothing', () => guard.mget([]), 'number of keys must be an integer from 1 to 1000'],
    ['del of nothing', () => guard.del(), 'number of keys must be an integer from 1 to 1000'],
    ['del of too much', () => guard.del(...new Array<string>(1_001).fill('a')), 'got 1001'],
    ['set of a number', () => guard.set('a', 5 as never), 'value must be a string, got number'],
    ['set of null', () => guard.set('a', null as never), 'value must be a string, got null'],
    ['set for no time', () => guard.set('a', '', 0), 'ttlMs must be an integer of at least 1'],
    ['incr without a key', () => guard.incr(''), 'key must be a non-empty string'],
    ['incrBy of half', () => guard.incrBy('a', 0.5), 'by must be an integer, got 0.5'],
    ['getOrLoad for no time', () => guard.getOrLoad('a', 0, () => ''), 'ttlMs must be'],
    ['getOrLoad of text', () => guard.getOrLoad('a', 1, 'x' as never), 'load must be a function'],
  ])('%s throws at once', (_what, call, message) => {
    expect(call).toThrow(message);
  });

  it('is not disturbed by a listener that throws', async () => {
    const redis = new FakeRedis();
    const fragile = guardRedis(redis, { prefix: 'x:' });
    const warned = new Promise((resolve) => process.once('warning', resolve));
    fragile.on('up', () => {
      throw new Error('listener');
    });

    redis.goUp();

    expect(await fragile.ready()).toBe(true);
    await warned;
  });
});
