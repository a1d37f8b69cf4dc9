import type { Expectation, Scenario } from './scenario.ts';
import type { SimulationRun } from './simulate.ts';
import { statisticOf } from './statistics.ts';

/** What came of one expectation. */
export interface Judgement extends Expectation {
  readonly from: number;
  readonly to: number;
  /** Over all seeds. */
  readonly meanValue: number;
  readonly least: number;
  readonly greatest: number;
  readonly isMet: boolean;
}

/** Compares the runs of a scenario, one for each seed, with what it expects. */
export function judge(scenario: Scenario, runs: readonly SimulationRun[]): Judgement[] {
  return scenario.expect.map((expectation) => {
    const last = Math.max(...runs.flatMap(({ rows }) => rows.map(({ cycle }) => cycle)));
    const { stat, from = 1, to = last, mean, each } = expectation;
    const values = runs.map(({ rows }) =>
      statisticOf(
        stat,
        rows.filter(({ cycle }) => cycle >= from && cycle <= to),
      ),
    );
    const meanValue = values.reduce((total, value) => total + value, 0) / values.length;
    const isMet = isWithin(meanValue, mean) && values.every((value) => isWithin(value, each));
    return {
      ...{ ...expectation, from, to, meanValue, isMet },
      least: Math.min(...values),
      greatest: Math.max(...values),
    };
  });
}

/** A figure that could not be taken is within no range. */
function isWithin(
  value: number,
  range: readonly [number, number] = [-Infinity, Infinity],
): boolean {
  return value >= range[0] && value <= range[1];
}
