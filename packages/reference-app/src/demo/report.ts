import type { FaultCounts } from './faults.ts';
import type { LatencyReport } from './ledger.ts';
import type { BadLine } from './replay-file.ts';

/** The outcome of a run. Counts are of samples unless the name says otherwise. */
export interface LedgerReport {
  /** Telemetry messages that the broker acknowledged to their devices. */
  readonly messages: number;
  /** Values in those messages. */
  readonly values: number;
  readonly nodes: number;
  readonly series: number;
  readonly stored: number;
  /** Known before: sent twice, or stored by an earlier run. */
  readonly duplicate: number;
  readonly rejected: number;
  readonly rejectedByReason: Readonly<Record<string, number>>;
  /** Acknowledged, and not in the database as they were published. */
  readonly lost: number;
  /** Series whose latest value is not the newest one acknowledged. */
  readonly stale: number;
  /** Messages whose settlement was not seen before the drain's deadline. */
  readonly unsettled: number;
  /** From publish to settlement. */
  readonly latencyMs: LatencyReport | null;
  readonly zoneCycles: number;
  readonly zoneCommands: number;
  /** Lines of the recording that were no messages; the first ones with their reasons. */
  readonly badLines: number;
  readonly badLineSamples: readonly BadLine[];
  readonly faults: Readonly<FaultCounts> | null;
  readonly interrupted: boolean;
  readonly seconds: number;
  readonly seed: number | null;
  readonly servers: {
    readonly postgres: string;
    readonly queue: string;
    readonly mqtt: string;
  };
}

/** 0: all is well; 1: something acknowledged is missing or stale; 2: part of the input was bad; 130: interrupted. */
export function exitCodeOf(report: LedgerReport): 0 | 1 | 2 | 130 {
  if (report.lost > 0 || report.stale > 0 || report.unsettled > 0) return 1;
  if (report.interrupted) return 130;
  return report.badLines > 0 ? 2 : 0;
}
