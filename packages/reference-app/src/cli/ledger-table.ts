import Table from 'cli-table3';
import type { LedgerReport } from '../demo/report.ts';

/** The ledger as a table for people. */
export function ledgerTable(report: LedgerReport): string {
  const table = new Table({
    style: { border: [] },
    // No lines between the rows.
    chars: { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' },
  });
  const row = (name: string, value: number | string): void => {
    table.push([name, typeof value === 'number' ? value.toLocaleString('en') : value]);
  };
  row('messages acknowledged', report.messages);
  row('values in them', report.values);
  row('nodes', report.nodes);
  row('series', report.series);
  row('stored', report.stored);
  row('duplicate', report.duplicate);
  row('rejected', withReasons(report.rejected, report.rejectedByReason));
  row('lost', report.lost);
  row('stale latest values', report.stale);
  if (report.unsettled > 0) row('not settled in time', report.unsettled);
  if (report.latencyMs !== null) {
    const { p50, p99 } = report.latencyMs;
    row('latency p50 / p99', `${p50} / ${p99} ms`);
  }
  row('zone cycles / commands', `${report.zoneCycles} / ${report.zoneCommands}`);
  if (report.faults !== null)
    row('faults injected', withReasons(sum(report.faults), report.faults));
  if (report.badLines > 0) row('bad lines left out', report.badLines);
  if (report.seed !== null) row('seed', String(report.seed));
  const { postgres, queue, mqtt } = report.servers;
  row('servers', `Postgres ${postgres}, queue ${queue}, MQTT ${mqtt}`);
  row('seconds', report.seconds);
  if (report.interrupted) row('interrupted', 'yes');
  return table.toString();
}

function withReasons(total: number, reasons: object): string {
  const named = Object.entries(reasons as Record<string, number>).filter(([, count]) => count > 0);
  const list = named.map(([reason, count]) => `${count} ${reason}`).join(', ');
  return list === '' ? String(total) : `${total.toLocaleString('en')} (${list})`;
}

function sum(counts: object): number {
  return Object.values(counts as Record<string, number>).reduce((total, count) => total + count, 0);
}
