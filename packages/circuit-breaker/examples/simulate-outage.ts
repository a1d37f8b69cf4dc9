import assert from 'node:assert/strict';
import { circuitBreaker, pipeline, retry, retryBudget } from '@holdfast/circuit-breaker';
import { formatReport, simulateOutage, type PolicyFactory } from '@holdfast/circuit-breaker/sim';

const naive: PolicyFactory = ({ clock, random }) => retry({ attempts: 4, clock, random });
const guarded: PolicyFactory = ({ clock, random }) =>
  pipeline(
    retry({ attempts: 4, budget: retryBudget({ clock, minPerSecond: 0 }), clock, random }),
    circuitBreaker({ openMs: 2_000, clock, random }),
  );

// Two layers of services in front of a backend that is down for ten seconds.
const simulate = (policy: PolicyFactory) =>
  simulateOutage({
    clients: 10,
    requestsPerSecond: 2,
    layers: ['edge', 'api'].map((name) => ({ name, policy })),
    outage: { startMs: 5_000, durationMs: 10_000 },
    afterMs: 10_000,
    seed: 7,
  });
const [before, after] = [await simulate(naive), await simulate(guarded)];

// Four attempts of four are sixteen calls for each request; a budget and a circuit leave less than one.
assert.ok(before.outageAmplification.mean > 10);
assert.ok(after.outageAmplification.mean < 1);
assert.notEqual(after.recoveryMs, null);
assert.match(formatReport(after, 5), /^requests +500, 20 a second/);
