import { describe, expect, it } from 'vitest';
import { fixed } from '../../src/index.ts';
import {
  judge,
  plotRun,
  readScenario,
  simulate,
  statisticOf,
  type CycleRow,
  type Scenario,
} from '../../src/sim.ts';

const SMALL: Scenario = {
  ...{ name: 'small', about: 'Few zones.', zones: 40, cycles: 3, expect: [] },
  service: { distribution: 'lognormal', medianMs: 100, sigma: 0.4 },
  downstream: { model: 'servers', servers: 8 },
};

describe('simulate', () => {
  it('is the same for the same seed, and another for another', async () => {
    const scenario = { ...SMALL, instances: 2 };
    const one = await simulate(scenario, { seed: 5 });
    expect(await simulate(scenario, { seed: 5 })).toEqual(one);
    expect((await simulate(scenario, { seed: 6 })).rows).not.toEqual(one.rows);
  });

  it('runs the real scheduler with the controller that it is given', async () => {
    const { rows } = await simulate(SMALL, { controller: () => fixed(1) });
    expect(rows).toHaveLength(3);
    // 40 zones of 100 ms, one after the other
    expect(rows[0]).toMatchObject({ planned: 40, ok: 40, limit: 1, missedTicks: 0, staleness: 0 });
    expect(rows[0]!.duration * 15_000).toBeGreaterThan(3_500);
  });

  it('shows the timeouts of a pool that is smaller than the limit, and none of one that is not', async () => {
    const pool = (servers: number): Scenario => ({
      ...SMALL,
      downstream: { model: 'servers', servers, acquireTimeoutMs: 50 },
    });
    const failures = async (servers: number): Promise<number> =>
      statisticOf('failed', (await simulate(pool(servers), { controller: () => fixed(8) })).rows);
    expect(await failures(2)).toBeGreaterThan(0);
    expect(await failures(8)).toBe(0);
  });

  it('has the universal scalability law as a downstream, too', async () => {
    const { rows } = await simulate({
      ...SMALL,
      downstream: { model: 'usl', contention: 0.02, coherency: 0.001 },
    });
    expect(statisticOf('missedTicks', rows)).toBe(0);
  });

  it.each([
    [{ seed: 1.5 }, 'seed must be an integer, got 1.5'],
    [{ scale: 0 }, 'scale must be an integer of at least 1, got 0'],
    [{ cycles: 0 }, 'cycles must be an integer of at least 1, got 0'],
    [{ sed: 1 }, 'sed is not an option of simulate; its options are seed, controller, scale, cycl'],
    [{ controller: fixed(1) }, 'controller must be a function, got an object'],
    [{ controller: () => undefined }, 'controller() must be an object, got undefined'],
    [{ controller: () => ({ ...fixed(1), plan: 1 }) }, 'controller().plan must be a function, got'],
  ])('refuses the options %o', async (wrong, message) => {
    await expect(simulate(SMALL, wrong as never)).rejects.toThrow(message);
  });

  it.each([
    [undefined, 'scenario must be an object, got undefined'],
    [{ ...SMALL, zones: '40' }, 'zones must be an integer of at least 1, got "40"'],
    [{ ...SMALL, downstream: {} }, 'downstream.model must be one of servers, usl, got undefined'],
    [{ ...SMALL, service: undefined }, 'service must be an object, got undefined'],
  ])('checks a scenario that comes from code as one from a file: %o', async (wrong, message) => {
    await expect(simulate(wrong as never)).rejects.toThrow(new TypeError(message));
  });

  it('refuses one controller for two instances, each of which would teach it', async () => {
    const controller = fixed(1);
    await expect(
      simulate({ ...SMALL, instances: 2 }, { controller: () => controller }),
    ).rejects.toThrow('controller() must be another one for each instance');
  });
});

const row = (given: Partial<CycleRow>): CycleRow => ({
  ...{ cycle: 1, instance: 0, planned: 10, ok: 10, failed: 0, timedOut: 0, deferred: 0 },
  ...{ quarantined: 0, stuck: 0, alerts: [], missedTicks: 0, duration: 0.5, limit: 10 },
  ...{ p50Ms: 100, inflation: 1, staleness: 0, feasible: 10, need: 8, load: 1 },
  ...given,
});

describe('statistics', () => {
  const rows = [
    row({ limit: 8, ok: 30, inflation: 2, missedTicks: 2, alerts: ['overrun warning'] }),
    row({ cycle: 2, limit: 12, failed: 1, timedOut: 2, staleness: 3, duration: 1, load: 2 }),
  ];

  it.each([
    ['missedTicks', 2],
    ['duration.max', 1],
    ['limit.mean', 10],
    ['limit.overNeed', 1.25],
    ['missedTicks.share', 1],
    ['limit.cv', 0.2],
    ['limit.peak', 1.2],
    // By successes: (30 * 2 + 10 * 1) / 40
    ['latency.inflation', 1.75],
    ['delivered', 2],
    ['staleness', 3],
    ['load.max', 2],
    ['failed', 3],
    ['alerts.warning', 1],
    ['alerts.critical', 0],
    ['fairness', 1],
  ] as const)('%s', (name, value) => {
    expect(statisticOf(name, rows)).toBeCloseTo(value);
  });

  it('adds the limits of instances up, and compares what they got done', () => {
    const two = [row({ limit: 4, ok: 10 }), row({ instance: 1, limit: 6, ok: 30 })];
    expect(statisticOf('limit.mean', two)).toBe(10);
    // (10 + 30)² / (2 * (100 + 900))
    expect(statisticOf('fairness', two)).toBeCloseTo(0.8);
  });
});

describe('judge', () => {
  const scenario: Scenario = {
    ...SMALL,
    expect: [
      { stat: 'missedTicks', mean: [0, 1] },
      { stat: 'missedTicks', each: [0, 1] },
      { stat: 'missedTicks', from: 2, each: [0, 0] },
      { stat: 'latency.inflation', from: 3, each: [0, 9] },
    ],
  };
  const run = (missedTicks: number): { seed: number; rows: CycleRow[] } => ({
    seed: 1,
    rows: [row({ missedTicks }), row({ cycle: 2 }), row({ cycle: 3, inflation: NaN, ok: 0 })],
  });

  it('compares the mean of the seeds, and each of them, with its range; what is unknown is in none', () => {
    const judgements = judge(scenario, [run(0), run(2)]);
    expect(judgements.map(({ isMet }) => isMet)).toEqual([true, false, true, false]);
    expect(judgements[0]).toMatchObject({ from: 1, to: 3, meanValue: 1, least: 0, greatest: 2 });
  });
});

describe('readScenario', () => {
  it.each([
    [7, 'scenario must be an object, got 7'],
    [{ nmae: 'x' }, 'scenario.nmae is not an option'],
    [{ name: '' }, 'name must be a non-empty string, got ""'],
    [{ zones: 0 }, 'zones must be an integer of at least 1, got 0'],
    [{ isWarm: 1 }, 'isWarm must be a boolean, got 1'],
    [{ downstream: { model: 'x' } }, 'downstream.model must be one of servers, usl, got "x"'],
    [{ downstream: { model: 'usl', servers: 1 } }, 'downstream.servers is not an option'],
    [{ downstream: { model: 'servers' } }, 'downstream.servers must be an integer of at least 1'],
    [
      { service: { distribution: 'pareto', medianMs: 1, alpha: 2, sigma: 1 } },
      'service.sigma is not an option; those of service are distribution, medianMs, alpha',
    ],
    [{ steps: {} }, 'steps must be an array'],
    [{ steps: null }, 'steps must be an array, which may be empty, got null'],
    [{ steps: Array(1) }, 'steps[0] must be an object, got undefined'],
    [
      {
        downstream: { model: 'usl', contention: 0.1, coherency: 0 },
        steps: [{ cycle: 1, servers: 3 }],
      },
      'steps[0].servers is not an option; those of steps[0] are cycle, zones, serviceFactor, hungShare, state',
    ],
    [{ steps: [{ cycle: 0 }] }, 'steps[0].cycle must be a finite number of at least 1, got 0'],
    [{ steps: [{ cycle: 4 }] }, 'steps[0].cycle must be within the 3 cycles, got 4'],
    [
      { steps: [{ cycle: 1, state: 'off' }] },
      'steps[0].state must be one of serves, refuses, hangs',
    ],
    [{ expect: [{ stat: 'x', each: [0, 1] }] }, 'expect[0].stat must be one of missedTicks'],
    [{ expect: [{ stat: 'staleness' }] }, 'expect[0] has no range'],
    [
      { expect: [{ stat: 'staleness', each: [1] }] },
      'expect[0].each must be [least, greatest], two numbers, got 1 of them',
    ],
    [
      { expect: [{ stat: 'staleness', each: [2, 1] }] },
      'expect[0].each[1] must be a finite number of at least 2',
    ],
    [
      { expect: [{ stat: 'staleness', from: 4, each: [0, 1] }] },
      'expect[0].from must be an integer from 1 to 3, got 4',
    ],
    [
      { expect: [{ stat: 'staleness', to: null, each: [0, 1] }] },
      'expect[0].to must be an integer from 1 to 3, got null',
    ],
  ])('refuses %o in one sentence', (wrong, message) => {
    const given = typeof wrong === 'object' ? { ...SMALL, ...wrong } : wrong;
    expect(() => readScenario(given)).toThrow(message);
  });

  it('takes a step in the midst of the last cycle', () => {
    const given = { ...SMALL, steps: [{ cycle: 3.5, servers: 4 }] };
    expect(readScenario(given)).toEqual(given);
  });
});

it('plots limit, latency and missed ticks as SVG, with a gap where a figure is not known', () => {
  const rows = [1, 2, 3, 4, 5].map((cycle) =>
    row({ cycle, p50Ms: cycle === 3 ? NaN : 100, missedTicks: cycle }),
  );
  const svg = plotRun('a < b', { seed: 3, rows });

  expect(svg).toContain('a &lt; b, seed 3, 5 cycles');
  // The latency in two pieces.
  expect(svg.match(/<polyline/g)).toHaveLength(4);
  expect(svg).not.toContain('NaN');
});
