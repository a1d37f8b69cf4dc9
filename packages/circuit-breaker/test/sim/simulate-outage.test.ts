import { expect, it } from 'vitest';
import { circuitBreaker, pipeline, retry, retryBudget, timeout } from '../../src/index.ts';
import {
  formatReport,
  simulateOutage,
  type LayerOptions,
  type PolicyFactory,
} from '../../src/sim.ts';

const OPEN_MS = 5_000;
/** The claim is of 1 000: see scripts/torture.mjs. */
const CLIENTS = process.env['HOLDFAST_TORTURE'] === '1' ? 1_000 : 100;

/** Three layers of ten processes, each with three retries; the last one calls the backend. */
function layers(policy: (isInnermost: boolean) => PolicyFactory): LayerOptions[] {
  return ['edge', 'api', 'store'].map((name) => ({
    name,
    instances: 10,
    policy: policy(name === 'store'),
  }));
}

const naive = (): PolicyFactory => (tools) => retry({ attempts: 4, ...tools });

/** A budget at every layer, and the circuit where the errors still say what has failed: next to the backend. */
const guarded =
  (rampMs: number) =>
  (isInnermost: boolean): PolicyFactory =>
  ({ clock, random }) => {
    const outer = retry({ attempts: 4, budget: retryBudget({ clock }), clock, random });
    const limit = timeout({ ms: 1_000, clock });
    return isInnermost
      ? pipeline(outer, circuitBreaker({ openMs: OPEN_MS, rampMs, clock, random }), limit)
      : pipeline(outer, limit);
  };

it(`T13 an outage of 60 s under ${CLIENTS} clients adds at most a quarter to the load, and recovers within two openings`, async () => {
  const report = await simulateOutage({ clients: CLIENTS, layers: layers(guarded(5_000)) });

  expect(report.outageAmplification.mean).toBeLessThanOrEqual(1.25);
  expect(report.recoveryMs).toBeLessThanOrEqual(2 * OPEN_MS);
  expect(report.recoveryPeak).toBeLessThanOrEqual(1.5);
}, 120_000);

it('bare retries multiply the load (the negative control)', async () => {
  const report = await simulateOutage({ clients: 10, layers: layers(naive) });

  expect(report.outageAmplification.mean).toBeGreaterThan(50);
}, 120_000);

it('gives the same report for the same seed, and another one for another', async () => {
  const options = {
    clients: 20,
    layers: layers(guarded(0)),
    outage: { startMs: 5_000, durationMs: 10_000, kind: 'hangs' as const },
    afterMs: 10_000,
  };
  const [first, second, other] = [
    await simulateOutage({ ...options, seed: 7 }),
    await simulateOutage({ ...options, seed: 7 }),
    await simulateOutage({ ...options, seed: 8 }),
  ];

  expect(second).toEqual(first);
  expect(other).not.toEqual(first);
});

it('without an outage in sight everything succeeds, once each', async () => {
  const report = await simulateOutage({
    clients: 50,
    requestsPerSecond: 2,
    layers: layers(guarded(0)),
    outage: { startMs: 30_000, durationMs: 1 },
    afterMs: 1,
  });
  const short = await simulateOutage({
    clients: 50,
    layers: [],
    outage: { startMs: 9_000, durationMs: 1 },
    afterMs: 1_000,
  });

  expect(report).toMatchObject({ nominalPerSecond: 100 });
  expect(report.goodput).toBeGreaterThan(0.99);
  expect(short.goodput).toBeGreaterThan(0.99);
  expect(short.timeline[3]).toEqual({ atMs: 3_000, offered: 50, load: 50, succeeded: 50 });
}, 120_000);

it('refuses what is above the capacity of the backend', async () => {
  const report = await simulateOutage({
    clients: 100,
    layers: [],
    backend: { capacityPerSecond: 25 },
    outage: { startMs: 5_000, durationMs: 1 },
    afterMs: 5_000,
  });

  expect(report.goodput).toBeGreaterThan(0.2);
  expect(report.goodput).toBeLessThan(0.3);
});

it('prints the figures and a bar for each stretch of time', async () => {
  const report = await simulateOutage({
    clients: 10,
    layers: layers(naive),
    outage: { startMs: 2_000, durationMs: 3_000 },
    afterMs: 5_000,
  });

  const text = formatReport(report, 5);

  expect(text).toMatch(/^requests {12}\d+, 10 a second\ngoodput {13}\d+\.\d %\n/);
  expect(text.split('\n').filter((line) => /^ +\d+ +\d+\.\d\dx/.test(line))).toHaveLength(5);
});

it.each([
  [{ layers: 5 }, 'layers must be an array'],
  [{ layers: [{}] }, 'layers[0].name must be a non-empty string, got undefined'],
  [{ layers: [{ name: 'a' }] }, 'layers[0].policy must be a function, got undefined'],
  [{ layers: [], clients: 0 }, 'clients must be an integer of at least 1, got 0'],
  [
    { layers: [], outage: { kind: 'slow' } },
    'outage.kind must be one of errors, hangs, got "slow"',
  ],
  [{ layers: [], seed: 0.5 }, 'seed must be an integer, got 0.5'],
])('refuses %j', async (options, message) => {
  await expect(simulateOutage(options as never)).rejects.toThrow(message);
});

it.each([
  ['the last second is cut short', 5_000, 10_500, 0],
  ['the outage ends within a second', 3_500, 10_000, 500],
])('tells of the recovery when %s', async (_when, durationMs, afterMs, recoveryMs) => {
  const outage = { startMs: 5_000, durationMs };

  const report = await simulateOutage({ clients: 100, layers: [], outage, afterMs });

  expect(report.recoveryMs).toBe(recoveryMs);
});

it('never recovers when a full second after the outage falls short to the end (the negative control)', async () => {
  const report = await simulateOutage({
    clients: 100,
    layers: [],
    backend: { capacityPerSecond: 90 },
    outage: { startMs: 1_000, durationMs: 1_000 },
    afterMs: 3_500,
  });

  expect(report.recoveryMs).toBeNull();
});

it('has a goodput of 0 and no recovery when there is no request and no full second', async () => {
  const report = await simulateOutage({
    clients: 1,
    requestsPerSecond: 0.01,
    layers: [],
    outage: { startMs: 100, durationMs: 100 },
    afterMs: 100,
  });

  expect(report).toMatchObject({ requests: 0, goodput: 0, recoveryMs: null });
});
