import assert from 'node:assert/strict';
import { circuitBreaker, consecutive, pipeline, retry } from '@holdfast/circuit-breaker';

const circuit = circuitBreaker({ trip: consecutive(1), openMs: 20, halfOpen: { probes: 1 } });

// For work that may take its time: a rejection by the circuit is retried when the circuit probes again.
const nightly = pipeline(
  retry({ attempts: 10, backoff: { baseMs: 0 }, onOpenCircuit: 'wait' }),
  circuit,
);

let calls = 0;
const answer = await nightly.execute(() => {
  calls += 1;
  if (calls === 1) throw new Error('down');
  return 'up again';
});

assert.equal(answer, 'up again');
assert.equal(calls, 2); // the attempts in between did not reach the work
assert.ok(circuit.snapshot().counters.rejected >= 1);
