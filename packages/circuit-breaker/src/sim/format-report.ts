import type { SimulationReport } from './report.ts';

/** The report as lines of text, for people: the figures, then one bar for each of `rows` stretches of time. */
export function formatReport(report: SimulationReport, rows = 30): string {
  const { goodput, outageAmplification, recoveryPeak, recoveryMs, nominalPerSecond } = report;
  const times = (factor: number): string => `${factor.toFixed(2)}x`;
  const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
  const lines = [
    `requests            ${report.requests}, ${nominalPerSecond} a second`,
    `goodput             ${percent(goodput)}`,
    `load in the outage  ${times(outageAmplification.mean)} of the nominal one, at worst ${times(outageAmplification.peak)}`,
    `load afterwards     at worst ${times(recoveryPeak)}`,
    `recovery            ${recoveryMs === null ? 'never' : `${recoveryMs / 1_000} s after the outage`}`,
    '',
    '   second   load  goodput',
  ];
  const step = Math.max(1, Math.ceil(report.timeline.length / rows));
  for (let from = 0; from < report.timeline.length; from += step) {
    const stretch = report.timeline.slice(from, from + step);
    const mean = (what: 'load' | 'succeeded'): number =>
      stretch.reduce((sum, second) => sum + second[what], 0) / stretch.length / nominalPerSecond;
    const bar = '#'.repeat(Math.min(60, Math.round(mean('load') * 10)));
    lines.push(
      `${String(from).padStart(9)}  ${times(mean('load')).padStart(5)}  ${percent(mean('succeeded')).padStart(7)}  ${bar}`,
    );
  }
  return `${lines.join('\n')}\n`;
}
