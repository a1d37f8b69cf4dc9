/** What one instance did in one of its cycles. */
export interface CycleRow {
  /** The first is 1. */
  readonly cycle: number;
  readonly instance: number;
  readonly planned: number;
  readonly ok: number;
  readonly failed: number;
  readonly timedOut: number;
  readonly deferred: number;
  readonly quarantined: number;
  /** Not started: the run of an earlier cycle has not settled. */
  readonly stuck: number;
  /** Kind and level of each: `downstream critical`. */
  readonly alerts: readonly string[];
  /** 1 when it could not start all its zones, and the ticks that passed without a cycle. */
  readonly missedTicks: number;
  /** As a share of the time from tick to tick. */
  readonly duration: number;
  /** Mean over the windows with more zones left than slots. */
  readonly limit: number;
  /** Slots that the zones which could be done in this cycle need to be done in the share of it that is the target. */
  readonly need: number;
  /** Of the successes; NaN without one. */
  readonly p50Ms: number;
  /** `p50Ms` over what an idle downstream takes. */
  readonly inflation: number;
  /** Cycles since the last success of the healthy zone that waits longest; 0: all have succeeded in this one. */
  readonly staleness: number;
  /** Zones that could have been done in this cycle: those that answer, or what the downstream can do, if that is less. */
  readonly feasible: number;
  /** Most work that the downstream had at a time, over its servers; of all instances. */
  readonly load: number;
}

export const STATISTICS = [
  'missedTicks',
  'missedTicks.share',
  'duration.max',
  'limit.mean',
  'limit.overNeed',
  'limit.cv',
  'limit.peak',
  'latency.inflation',
  'delivered',
  'staleness',
  'fairness',
  'load.max',
  'failed',
  'quarantined',
  'alerts.warning',
  'alerts.critical',
  'alerts.resolved',
] as const;

export type StatisticName = (typeof STATISTICS)[number];

/** One figure for all the rows. */
export function statisticOf(name: StatisticName, rows: readonly CycleRow[]): number {
  switch (name) {
    case 'missedTicks':
      return sum(rows.map((row) => row.missedTicks));
    case 'missedTicks.share':
      return sum(rows.map((row) => row.missedTicks)) / rows.length;
    case 'duration.max':
      return Math.max(...rows.map((row) => row.duration));
    case 'limit.mean':
      return mean(limits(rows));
    case 'limit.overNeed':
      return mean(rows.map(({ limit, need }) => limit / need));
    case 'limit.cv':
      return deviation(limits(rows)) / mean(limits(rows));
    case 'limit.peak':
      return Math.max(...limits(rows)) / mean(limits(rows));
    case 'latency.inflation': {
      const measured = rows.filter((row) => !Number.isNaN(row.inflation));
      return sum(measured.map((row) => row.inflation * row.ok)) / sum(measured.map(({ ok }) => ok));
    }
    case 'delivered':
      return sum(rows.map(({ ok }) => ok)) / sum(rows.map(({ feasible }) => feasible));
    case 'staleness':
      return Math.max(...rows.map((row) => row.staleness));
    case 'fairness':
      return jainIndex(perInstance(rows, (own) => sum(own.map(({ ok }) => ok))));
    case 'load.max':
      return Math.max(...rows.map(({ load }) => load));
    case 'failed':
      return sum(rows.map(({ failed, timedOut }) => failed + timedOut));
    case 'quarantined':
      return Math.max(...rows.map((row) => row.quarantined));
    case 'alerts.warning':
    case 'alerts.critical':
    case 'alerts.resolved': {
      const level = name.slice('alerts'.length + 1);
      return sum(rows.map((row) => row.alerts.filter((one) => one.endsWith(level)).length));
    }
    default: {
      const impossible: never = name;
      return impossible;
    }
  }
}

/** Of all instances together, cycle by cycle. */
function limits(rows: readonly CycleRow[]): number[] {
  const byCycle = new Map<number, number>();
  for (const { cycle, limit } of rows) {
    if (!Number.isNaN(limit)) byCycle.set(cycle, (byCycle.get(cycle) ?? 0) + limit);
  }
  return [...byCycle.values()];
}

function perInstance(
  rows: readonly CycleRow[],
  figure: (own: readonly CycleRow[]) => number,
): number[] {
  const instances = new Set(rows.map(({ instance }) => instance));
  return [...instances].map((one) => figure(rows.filter(({ instance }) => instance === one)));
}

/** 1: all have the same; 1/n: one has it all. Source: R. Jain, D. Chiu and W. Hawe, DEC-TR-301 (1984). */
function jainIndex(values: readonly number[]): number {
  return sum(values) ** 2 / (values.length * sum(values.map((value) => value ** 2)));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function mean(values: readonly number[]): number {
  return sum(values) / values.length;
}

function deviation(values: readonly number[]): number {
  const middle = mean(values);
  return Math.sqrt(mean(values.map((value) => (value - middle) ** 2)));
}
