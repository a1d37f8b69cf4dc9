import assert from 'node:assert/strict';
import { circuitBreaker, consecutive, isHoldfastError } from '@holdfast/circuit-breaker';

const breaker = circuitBreaker({ name: 'reports', trip: consecutive(2), openMs: 30_000 });
const loadReport = (id: string) => Promise.reject(new Error(`no connection for ${id}`));

await breaker.tryExecute(() => loadReport('a'));
await breaker.tryExecute(() => loadReport('b'));

// Two failures in a row have opened the circuit: the next call is not made at all.
const outcome = await breaker.tryExecute(() => loadReport('c'));
assert.ok(!outcome.ok && isHoldfastError(outcome.error, 'CIRCUIT_OPEN'));
assert.equal(breaker.state, 'open');
