import assert from 'node:assert/strict';
import { isHoldfastError, rateLimiter } from '@holdfast/circuit-breaker';

// Ten calls a second, at most three of them at once; a call waits for its turn for up to 250 ms.
const geocoder = rateLimiter({ permits: 10, perMs: 1_000, burst: 3, maxWaitMs: 250 });

const places = ['Graz', 'Linz', 'Wien', 'Wels', 'Steyr', 'Enns'];
const outcomes = await Promise.all(
  places.map((place) => geocoder.tryExecute(() => `position of ${place}`)),
);

// Three at once, two after 100 and 200 ms; the last one would have waited for too long.
assert.equal(outcomes.filter(({ ok }) => ok).length, 5);
const refused = outcomes.find(({ ok }) => !ok);
assert.ok(isHoldfastError(refused?.error, 'RATE_LIMITED'));
