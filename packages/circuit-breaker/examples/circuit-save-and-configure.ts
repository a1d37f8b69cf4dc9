import assert from 'node:assert/strict';
import { circuitBreaker, countWindow, type SavedCircuit } from '@holdfast/circuit-breaker';

const rules = {
  name: 'reports',
  trip: countWindow({ size: 50, failureRate: 0.5, minimumCalls: 4 }),
  openMs: 30_000,
};

const breaker = circuitBreaker(rules);
for (let n = 0; n < 4; n += 1) await breaker.tryExecute(() => Promise.reject(new Error('down')));
assert.equal(breaker.state, 'open');

// When the process ends the circuit is kept, in a file for example.
const file = JSON.stringify(breaker.save());

// The next process does not begin by calling what is down.
const next = circuitBreaker({ ...rules, restore: JSON.parse(file) as SavedCircuit });
const { error } = await next.tryExecute(() => 'never called');
assert.ok(error instanceof Error && 'retryAfterMs' in error);
assert.ok(Number(error.retryAfterMs) <= 33_000); // 30 s, give or take a tenth

// Rules can be changed while it runs. In shadow mode it rejects nothing, and tells what it would do.
const told: string[] = [];
next.on('wouldReject', ({ state }) => told.push(state));
next.configure({ mode: 'shadow' });
assert.equal(await next.execute(() => 'called'), 'called');
assert.deepEqual(told, ['open']);

next.reset();
assert.equal(next.state, 'closed');
