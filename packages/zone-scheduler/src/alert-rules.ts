import type { Alert, AlertInput, AlertKind, AlertOptions } from './alert.ts';
import type { Resolved } from './options.ts';
import { Incident, type Severity } from './incident.ts';

/** An incident ends below this share of the threshold that began it. */
const CLEAR_FACTOR = 0.8;
/** One-sided 95 %. */
const Z = 1.645;

interface Finding {
  readonly severity: Severity;
  readonly value: number;
  readonly message: string;
}

type Rule = (input: AlertInput, options: Resolved<AlertOptions>) => Finding;

/** Looks at each report and says what is to be told: one notice an incident, not one a cycle. */
export class AlertRules {
  readonly #options: Resolved<AlertOptions>;
  readonly #incidents: Readonly<Record<AlertKind, Incident>>;

  constructor(options: Resolved<AlertOptions>) {
    const { forCycles, clearCycles, repeatMs } = options;
    this.#options = options;
    const lasting = { forCycles, clearCycles, repeatMs };
    // These are certain after one cycle, and over with the first that is well.
    const plain = { forCycles: 1, clearCycles: 1, repeatMs };
    this.#incidents = {
      'failure-rate': new Incident(lasting),
      stale: new Incident(plain),
      overrun: new Incident(lasting),
      downstream: new Incident(plain),
      coverage: new Incident(lasting),
      'shard-mismatch': new Incident(lasting),
    };
  }

  evaluate(input: AlertInput): Alert[] {
    const { report, nowMs } = input;
    const alerts: Alert[] = [];
    for (const [kind, rule] of Object.entries(RULES) as [AlertKind, Rule][]) {
      const { severity, value, message } = rule(input, this.#options);
      const notice = this.#incidents[kind].next(severity, report.cycle, nowMs);
      if (notice === undefined) continue;
      alerts.push({
        ...{ kind, ...notice, message, value, cycle: report.cycle },
        ...{ byError: report.byError, failures: report.failures },
        quarantined: report.zones.quarantined,
      });
    }
    return alerts;
  }
}

const RULES: Readonly<Record<AlertKind, Rule>> = {
  'failure-rate': ({ report }, options) => {
    const { ok, failed, timedOut } = report.zones;
    const rate = report.failureRate;
    return {
      severity: rateSeverity({ rate, ended: ok + failed + timedOut, ...options }),
      value: rate,
      message: `${percent(rate)} of the zones that ended failed (${failed + timedOut} of ${ok + failed + timedOut})`,
    };
  },
  stale: ({ report: { staleness } }, { staleCycles }) => ({
    severity: staleness.maxCycles >= staleCycles ? 'warning' : 'clear',
    value: staleness.maxCycles,
    message: staleText(staleness),
  }),
  overrun: ({ report }) => {
    const { deferred, skipped } = report.zones;
    const left = deferred + skipped;
    const isLate = report.outcome === 'overrun' || report.missedTicks > 0;
    // An aborted cycle does not tell whether the zones would have been done in time.
    const severity = report.outcome === 'aborted' ? 'fading' : 'clear';
    return {
      severity: isLate ? 'warning' : severity,
      value: left,
      message:
        `${left} ${left === 1 ? 'zone was' : 'zones were'} not started before the cycle was over, ` +
        `${report.missedTicks} ${report.missedTicks === 1 ? 'tick was' : 'ticks were'} missed`,
    };
  },
  downstream: ({ isDownstreamDown }) => ({
    severity: isDownstreamDown ? 'critical' : 'clear',
    value: isDownstreamDown ? 1 : 0,
    message: isDownstreamDown
      ? 'the downstream is down: zones are tried one at a time'
      : 'the downstream is up',
  }),
  coverage: ({ unownedShards }) => ({
    severity: unownedShards > 0 ? 'warning' : 'clear',
    value: unownedShards,
    message: coverageText(unownedShards),
  }),
  'shard-mismatch': ({ mismatch }) => ({
    severity: mismatch === undefined ? 'clear' : 'critical',
    value: mismatch === undefined ? 0 : 1,
    message: mismatch ?? 'the instances agree on the shards',
  }),
};

function rateSeverity(parts: {
  readonly rate: number;
  readonly ended: number;
  readonly warning: number;
  readonly critical: number;
  readonly minZones: number;
}): Severity {
  const { rate, ended, warning, critical, minZones } = parts;
  // Too few to begin an incident may still end one, or it would last for ever where few zones are left.
  if (ended < minZones) return ended > 0 && rate < CLEAR_FACTOR * warning ? 'clear' : 'fading';
  // In a small shard a few failures are a high rate: half of the threshold must be sure.
  const lowest = wilsonLowerBound(rate, ended);
  if (rate > critical && lowest > critical / 2) return 'critical';
  if (rate > warning && lowest > warning / 2) return 'warning';
  return rate < CLEAR_FACTOR * warning ? 'clear' : 'fading';
}

/** Lowest rate that is likely behind `rate` of `count` (E. B. Wilson, "Probable inference", JASA 22, 1927). */
function wilsonLowerBound(rate: number, count: number): number {
  const z2 = Z * Z;
  const centre = rate + z2 / (2 * count);
  const margin = Z * Math.sqrt((rate * (1 - rate)) / count + z2 / (4 * count * count));
  return (centre - margin) / (1 + z2 / count);
}

function staleText({ maxCycles, oldest }: AlertInput['report']['staleness']): string {
  if (maxCycles === 0) return 'every zone ran to success';
  const cycles = maxCycles === 1 ? '1 cycle' : `${maxCycles} cycles`;
  const [zoneId] = oldest;
  if (zoneId === undefined) return `the source has not been read to its end for ${cycles}`;
  return `zone "${zoneId}" has not run to success for ${cycles}`;
}

function coverageText(unowned: number): string {
  if (unowned === 0) return 'every shard is owned by an instance';
  if (unowned === 1) return '1 shard is owned by no instance: nobody runs its zones';
  return `${unowned} shards are owned by no instance: nobody runs their zones`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
