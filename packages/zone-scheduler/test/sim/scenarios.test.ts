import { readdirSync, readFileSync } from 'node:fs';
import { isTorture, recordTorture } from '@holdfast/testkit';
import { describe, expect, it } from 'vitest';
import { controllerOf } from '../../src/cli/controllers.ts';
import { judge, readScenario, simulate, type Judgement, type Scenario } from '../../src/sim.ts';

const folder = new URL('../../scenarios/', import.meta.url);
const scenarios = readdirSync(folder).map((file) => {
  const scenario = readScenario(JSON.parse(readFileSync(new URL(file, folder), 'utf8')));
  return [file.replace('.json', ''), scenario] as const;
});
const SEEDS = 20;
const CLASSIC = ['littlesLaw', 'aimd', 'vegas', 'gradient2'];

/** What was judged with the controller; at full size with 5 000 zones in most scenarios, and 60 cycles. */
async function judged(scenario: Scenario, controller: string, seeds: number): Promise<Judgement[]> {
  const runs = [];
  for (let seed = 1; seed <= seeds; seed += 1) {
    runs.push(
      await simulate(scenario, {
        ...{ seed, controller: controllerOf(controller) },
        ...(isTorture ? { scale: 10, cycles: 60 } : {}),
      }),
    );
  }
  return judge(scenario, runs);
}

function figures(judgements: readonly Judgement[]): object {
  return Object.fromEntries(
    judgements.map(({ stat, from, to, meanValue, isMet }) => [
      `${stat} ${from}-${to}${isMet ? '' : ' MISSED'}`,
      Math.round(meanValue * 1_000) / 1_000,
    ]),
  );
}

describe.each(scenarios)('%s', (name, scenario) => {
  it(`is within its ranges with ${SEEDS} seeds`, { timeout: 1_200_000 }, async () => {
    const startedMs = performance.now();

    const all = await judged(scenario, 'adaptive', SEEDS);

    const seconds = Math.round((performance.now() - startedMs) / 100) / 10;
    if (isTorture) {
      recordTorture({
        ...{ name: `zone-scenarios: ${name}, adaptive`, size: scenario.zones * 10, seed: 1 },
        ...{ result: figures(all), seconds },
      });
    }
    expect(all.filter(({ isMet }) => !isMet)).toEqual([]);
  });

  // The control: ranges that this one met would be no ranges.
  it('is not with five slots', { timeout: 1_200_000 }, async () => {
    expect((await judged(scenario, 'fixed:5', 1)).some(({ isMet }) => !isMet)).toBe(true);
  });

  // For the table of the README: nothing is claimed of them.
  if (!isTorture) return;
  it.each(CLASSIC)('with %s, for the table', { timeout: 1_200_000 }, async (one) => {
    const startedMs = performance.now();
    const all = await judged(scenario, one, 3);
    recordTorture({
      ...{ name: `zone-scenarios: ${name}, ${one}`, size: scenario.zones * 10, seed: 1 },
      result: figures(all),
      seconds: Math.round((performance.now() - startedMs) / 100) / 10,
    });
  });
});

describe('the controls that show what the ranges are for', () => {
  const named = Object.fromEntries(scenarios);

  it.each([
    ['littlesLaw', 'capacity-cut', 'latency.inflation'],
    ['littlesLaw', 'capacity-cut', 'limit.mean'],
    ['aimd', 'ten-times-the-zones', 'duration.max'],
    ['fixed:50', 'five-percent-dead', 'limit.mean'],
  ])('%s misses in %s the range of %s', async (controller, name, stat) => {
    const missed = (await judged(named[name]!, controller, 2)).filter(({ isMet }) => !isMet);
    expect(missed.map((one) => one.stat)).toContain(stat);
  });
});
