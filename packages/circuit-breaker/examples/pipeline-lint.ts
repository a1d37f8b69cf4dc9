import assert from 'node:assert/strict';
import {
  bulkhead,
  circuitBreaker,
  fallback,
  pipeline,
  retry,
  timeout,
} from '@holdfast/circuit-breaker';

const search = pipeline(
  fallback([]),
  retry({ attempts: 2, backoff: { baseMs: 5 } }),
  circuitBreaker({ name: 'search' }),
  bulkhead({ limit: 20, queue: 50, queueWaitMs: 500 }),
  timeout({ ms: 1_000 }),
);
assert.deepEqual(search.lint(), []);

// A pipeline is a policy, and can stand in another one.
const both = pipeline(timeout({ ms: 3_000 }), search);
assert.deepEqual(await both.execute(() => Promise.reject(new Error('down'))), []);
assert.equal(both.snapshot().policies.length, 2);

// Two orders that cannot be meant.
assert.deepEqual(pipeline(retry(), fallback([])).lint(), [
  'fallback "fallback" stands inside retry "retry": it answers every failure, so nothing is ever tried again: put it outside',
]);
assert.deepEqual(pipeline(bulkhead({ limit: 2 }), retry()).lint(), [
  'retry "retry" stands inside bulkhead "bulkhead": a place is held while a back-off sleeps: put the bulkhead inside',
]);
