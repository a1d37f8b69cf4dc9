import assert from 'node:assert/strict';
import { cachedFallback, memoryCacheStore } from '@holdfast/circuit-breaker';

const rates = cachedFallback({
  store: memoryCacheStore({ maxEntries: 1_000 }),
  freshMs: 0, // always ask
  staleIfErrorMs: 60_000, // but for a minute the last answer is better than none
});
const ages: number[] = [];
rates.on('stale', ({ ageMs }) => ages.push(ageMs));

assert.equal(await rates.execute(() => 1.08, { key: 'EUR/USD' }), 1.08);

const down = () => Promise.reject<number>(new Error('down'));
assert.equal(await rates.execute(down, { key: 'EUR/USD' }), 1.08);
await assert.rejects(rates.execute(down, { key: 'EUR/GBP' }), { message: 'down' });
assert.equal(ages.length, 1);
