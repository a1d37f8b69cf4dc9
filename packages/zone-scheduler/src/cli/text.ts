import { alignColumns } from '@holdfast/cli-kit';
import type { Judgement } from '../sim/judge.ts';
import type { SimulationRun } from '../sim/simulate.ts';

const HEADINGS = ['cycle', 'limit', 'p50 ms', 'ok', 'failed', 'deferred', 'missed', 'alerts'];

/** A line for each cycle, and for each instance where there are several. */
export function runText({ rows }: SimulationRun): string {
  const hasInstances = rows.some(({ instance }) => instance > 0);
  return alignColumns(
    HEADINGS,
    rows.map((row) => [
      hasInstances ? `${row.cycle}.${row.instance}` : String(row.cycle),
      figure(row.limit, 1),
      figure(row.p50Ms, 0),
      String(row.ok),
      String(row.failed + row.timedOut),
      String(row.deferred),
      String(row.missedTicks),
      row.alerts.join(', '),
    ]),
  );
}

/** After a free line: what is expected, what was seen, and whether that is within. Empty when nothing is expected. */
export function judgementText(judgements: readonly Judgement[]): string {
  if (judgements.length === 0) return '';
  const table = alignColumns(
    ['', 'statistic', 'cycles', 'mean', 'least', 'greatest', 'expected'],
    judgements.map((one) => [
      one.isMet ? 'ok' : 'MISSED',
      one.stat,
      `${one.from}-${one.to}`,
      figure(one.meanValue, 3),
      figure(one.least, 3),
      figure(one.greatest, 3),
      [rangeText('mean', one.mean), rangeText('each', one.each)]
        .filter((part) => part !== '')
        .join(', '),
    ]),
  );
  return `\n${table}`;
}

function rangeText(name: string, range: readonly [number, number] | undefined): string {
  return range === undefined ? '' : `${name} ${range[0]} to ${range[1]}`;
}

function figure(value: number, digits: number): string {
  return Number.isFinite(value) ? value.toFixed(digits) : '-';
}
