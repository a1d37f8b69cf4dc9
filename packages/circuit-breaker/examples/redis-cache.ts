import assert from 'node:assert/strict';
import { guardRedis } from '@holdfast/circuit-breaker/redis';
import { Redis } from 'ioredis';

// Nothing listens there: a cache that is down must not take the program down.
const client = new Redis({ port: 1, lazyConnect: true });
const cache = guardRedis(client, { prefix: 'shop:', timeoutMs: 200, local: { ttlMs: 60_000 } });

let loads = 0;
const loadPrice = () => Promise.resolve(String(40 + ++loads));

// Callers that ask together share one load; Redis is down, so the value stays in this process.
const prices = await Promise.all([1, 2, 3].map(() => cache.getOrLoad('price', 5_000, loadPrice)));
assert.deepEqual(prices, ['41', '41', '41']);
assert.equal(await cache.get('price'), '41');

// The key will be deleted before it is read from Redis again: nobody gets the old price.
assert.equal(await cache.set('price', '43'), 'not-applied');
assert.equal(cache.snapshot().gauges.invalidations, 1);

// A counter has no stand-in: it says plainly whether it was incremented.
await assert.rejects(cache.incr('sold'), { code: 'REDIS_UNAVAILABLE' });

await cache.close();
client.disconnect();
