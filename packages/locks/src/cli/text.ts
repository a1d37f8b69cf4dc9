import { ageMs, alignColumns, formatDuration, printable } from '@holdfast/cli-kit';
import type { FoundLease } from '../leases/find-lease.ts';
import type { LockHolder, LockInspection, LockWaiter } from '../locks.ts';
import type { InspectedKey } from './inspect-key.ts';

export interface ListedLocks {
  readonly inspections: readonly LockInspection[];
  /** The server's time when they were read. */
  readonly now: Date;
}

const PROCESS_HEADINGS = ['ROLE', 'PID', 'APPLICATION', 'MODE', 'STATE', 'FOR'];

/** One line for each process that holds or waits, below the headings. */
export function listText({ inspections, now }: ListedLocks): string {
  if (inspections.length === 0) {
    return '(none): nobody holds an advisory lock of this database or waits for one\n';
  }
  return alignColumns(
    ['KEY', ...PROCESS_HEADINGS],
    inspections.flatMap((inspection) =>
      processRows(inspection, now).map((row) => [String(inspection.key), ...row]),
    ),
  );
}

/** The key's name and number, its lease where there is a table of leases, and who holds and waits. */
export function inspectionText({ name, inspection, lease, now }: InspectedKey): string {
  const leaseLine = lease === 'no table' ? '' : `lease   ${describeLease(lease)}\n`;
  const rows = processRows(inspection, now);
  const processes =
    rows.length === 0
      ? '(none): nobody holds this advisory lock or waits for it\n'
      : alignColumns(PROCESS_HEADINGS, rows);
  return `key     ${name}\nnumber  ${inspection.key}\n${leaseLine}\n${processes}`;
}

function processRows({ holders, waiters }: LockInspection, now: Date): string[][] {
  return [
    ...holders.map((holder) => processRow('holder', holder, holder.state, now)),
    ...waiters.map((waiter) => processRow('waiter', waiter, 'waiting', now)),
  ];
}

function processRow(
  role: string,
  { pid, applicationName, isShared, since }: LockHolder | LockWaiter,
  state: string | undefined,
  now: Date,
): string[] {
  const age = since === undefined ? '-' : formatDuration(ageMs(since, now));
  const mode = isShared ? 'shared' : 'exclusive';
  return [role, String(pid), applicationName ?? '-', mode, state ?? '-', age];
}

function describeLease(lease: Exclude<FoundLease, 'no table'>): string {
  if (lease === 'no row') return 'none so far';
  const { token, expiresInMs } = lease;
  const holder = printable(lease.holder);
  if (expiresInMs === null) return `token ${token}, free: released by ${holder}`;
  const duration = formatDuration(Math.abs(expiresInMs));
  return expiresInMs > 0
    ? `token ${token}, held by ${holder}, expires in ${duration}`
    : `token ${token}, free: expired ${duration} ago, was held by ${holder}`;
}
