import { describe, expect, it } from 'vitest';
import { AlertRules } from '../src/alert-rules.ts';
import type { AlertInput } from '../src/alert.ts';
import type { CycleReport } from '../src/cycle-report.ts';
import { reportLimit } from '../src/report-limit.ts';
import { fixed } from '../src/controllers/fixed.ts';
import { counts } from './set-up.ts';

const OPTIONS = {
  ...{ warning: 0.1, critical: 0.3, minZones: 20, forCycles: 2, clearCycles: 3 },
  ...{ repeatMs: 900_000, staleCycles: 4 },
};

function report(cycle: number, named: Partial<CycleReport>): CycleReport {
  return {
    ...{ cycle, outcome: 'ok', startedAtMs: 0, lagMs: 0, durationMs: 0, missedTicks: 0 },
    ...{ zones: counts({}), notPlanned: { elsewhere: 0, notDue: 0 }, failureRate: 0 },
    ...{ failures: [], failuresTruncated: 0, byError: [], latency: null },
    concurrency: { mean: 0, max: 0, explanation: reportLimit(fixed(1).explain()), suspectSlots: 0 },
    staleness: { maxCycles: 0, oldest: [] },
    ...named,
  };
}

/** `failed` of 1 000 zones. */
const failing = (failed: number, of = 1_000): Partial<CycleReport> => ({
  zones: counts({ planned: of, ok: of - failed, failed }),
  failureRate: of === 0 ? 0 : failed / of,
});

function setUp() {
  const rules = new AlertRules(OPTIONS);
  let cycle = 0;
  return (named: Partial<CycleReport>, input: Partial<AlertInput> = {}): string[] => {
    cycle += 1;
    const base = { nowMs: cycle * 15_000, isDownstreamDown: false, unownedShards: 0 };
    return rules
      .evaluate({ ...base, report: report(cycle, named), mismatch: undefined, ...input })
      .map(({ kind, level, message }) => `${kind} ${level}: ${message}`);
  };
}

it('an overrun is not over because the cycles are aborted', () => {
  const next = setUp();
  const late = { outcome: 'overrun', zones: counts({ planned: 9, deferred: 9 }) } as const;
  next(late);
  expect(next(late)).toEqual([
    'overrun warning: 9 zones were not started before the cycle was over, 0 ticks were missed',
  ]);

  for (let n = 0; n < 9; n += 1) {
    expect(next({ ...late, outcome: 'aborted' })).toEqual([]);
  }
  const well = { zones: counts({ planned: 9, ok: 9 }) };
  expect([...next(well), ...next(well)]).toEqual([]);
  expect(next(well)).toEqual([
    'overrun resolved: 0 zones were not started before the cycle was over, 0 ticks were missed',
  ]);
});

describe('the failure rate', () => {
  it('is over also where fewer than minZones are left, and not while none of them ends', () => {
    const next = setUp();
    next(failing(500));

    for (let n = 0; n < 9; n += 1) expect(next(failing(0, 0))).toEqual([]);
    for (let n = 0; n < 9; n += 1) expect(next(failing(1, 10))).toEqual([]);
    expect([...next(failing(0, 10)), ...next(failing(0, 10))]).toEqual([]);
    expect(next(failing(0, 10))).toEqual([
      'failure-rate resolved: 0.0 % of the zones that ended failed (0 of 10)',
    ]);
  });

  it('is a warning above 10 % for two cycles, critical above 30 % at once, and over below 8 %', () => {
    const next = setUp();

    expect(next(failing(101))).toEqual([]);
    expect(next(failing(101))).toEqual([
      'failure-rate warning: 10.1 % of the zones that ended failed (101 of 1000)',
    ]);
    expect(next(failing(301))).toEqual([
      'failure-rate critical: 30.1 % of the zones that ended failed (301 of 1000)',
    ]);
    for (let n = 0; n < 9; n += 1) expect(next(failing(81))).toEqual([]);
    expect([...next(failing(79)), ...next(failing(79))]).toEqual([]);
    expect(next(failing(79))).toEqual([
      'failure-rate resolved: 7.9 % of the zones that ended failed (79 of 1000)',
    ]);
  });

  it.each([
    [19, 19, 'fewer zones than minZones'],
    [3, 28, 'a rate of 10.7 % that is not sure to be above 5 %'],
  ])('of %i in %i says nothing: %s', (failed, of) => {
    const next = setUp();

    expect([next(failing(failed, of)), next(failing(failed, of))]).toEqual([[], []]);
  });

  it('of half of a small shard is critical all the same', () => {
    expect(setUp()(failing(10, 20))).toHaveLength(1);
  });
});

it('tells of a zone without a success for four cycles, by name', () => {
  const next = setUp();

  expect(next({ staleness: { maxCycles: 3, oldest: ['north'] } })).toEqual([]);
  expect(next({ staleness: { maxCycles: 4, oldest: ['north'] } })).toEqual([
    'stale warning: zone "north" has not run to success for 4 cycles',
  ]);
  expect(next({})).toEqual(['stale resolved: every zone ran to success']);
});

it('tells of cycles that do not get through, or are late', () => {
  const next = setUp();

  next({ outcome: 'overrun', zones: counts({ planned: 9, ok: 2, deferred: 7 }) });
  expect(next({ missedTicks: 2 })).toEqual([
    'overrun warning: 0 zones were not started before the cycle was over, 2 ticks were missed',
  ]);
});

it('tells of a downstream that is down at once, and when it is up again', () => {
  const next = setUp();

  expect(next({}, { isDownstreamDown: true })).toEqual([
    'downstream critical: the downstream is down: zones are tried one at a time',
  ]);
  expect(next({}, { isDownstreamDown: true })).toEqual([]);
  expect(next({})).toEqual(['downstream resolved: the downstream is up']);
});

it('tells of zones that nobody runs', () => {
  const next = setUp();

  next({}, { unownedShards: 3 });
  expect(next({}, { unownedShards: 3 })).toEqual([
    'coverage warning: 3 shards are owned by no instance: nobody runs their zones',
  ]);
});

it('tells of one shard, one zone and one tick as of one', () => {
  const next = setUp();
  const late = { zones: counts({ planned: 9, deferred: 1 }), missedTicks: 1 };

  next(late, { unownedShards: 1 });
  expect(next(late, { unownedShards: 1 })).toEqual([
    'overrun warning: 1 zone was not started before the cycle was over, 1 tick was missed',
    'coverage warning: 1 shard is owned by no instance: nobody runs its zones',
  ]);
});

it('tells that every shard has an owner again', () => {
  const next = setUp();
  for (let n = 0; n < 2; n += 1) next({}, { unownedShards: 2 });

  expect([...next({}), ...next({})]).toEqual([]);
  expect(next({})).toEqual(['coverage resolved: every shard is owned by an instance']);
});

it('tells of instances that disagree', () => {
  expect(setUp()({}, { mismatch: 'instance a has 3 shards, b has 4' })).toEqual([
    'shard-mismatch critical: instance a has 3 shards, b has 4',
  ]);
});
