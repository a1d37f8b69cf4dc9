import { isConfirmed, OperatorError } from '@holdfast/cli-kit';
import type { DeadFilter } from '../dead-letter.ts';
import { deadLettersOf } from './dead-letters-of.ts';
import { purgePlanText } from './redrive-text.ts';
import type { OperatedQueue } from './stores/operated-store.ts';
import type { ExitCode, Terminal } from './terminal.ts';

export interface PurgeRequest {
  readonly filter: DeadFilter;
  readonly dryRun: boolean;
  /** True: it acts without asking. */
  readonly yes: boolean;
}

/** What will be deleted, as things stand. */
export interface PurgePlan {
  readonly queue: string;
  readonly store: string;
  /** Letters that are there, and those of them that the filter lets through. */
  readonly dead: number;
  readonly matched: number;
  readonly filter: DeadFilter;
  readonly dryRun: boolean;
}

/** Shows the plan, asks where it must, and deletes the letters for good. */
export async function purge(
  queue: OperatedQueue,
  { request, json }: { readonly request: PurgeRequest; readonly json: boolean },
  terminal: Terminal,
): Promise<ExitCode> {
  const { print, isInteractive, signal } = terminal;
  const { filter, dryRun, yes } = request;
  const letters = deadLettersOf(queue);
  const matched = await letters.purge({ filter, dryRun: true });
  const { dead } = await queue.stored.stats();
  const store = queue.store.label;
  const plan: PurgePlan = { queue: queue.name, store, dead, matched, filter, dryRun };
  if (!json) print(purgePlanText(plan));

  const hasWork = matched > 0 && !dryRun;
  if (hasWork && !yes && (json || !isInteractive)) {
    throw new OperatorError('nothing was done: add --yes to act, or --dry-run to count');
  }
  if (hasWork && !yes && !(await isConfirmed(terminal))) return signal.aborted ? 130 : 2;

  const purged = hasWork ? await letters.purge({ filter }) : 0;
  if (json) print(`${JSON.stringify({ plan, report: { purged } })}\n`);
  else if (hasWork) print(`\npurged  ${purged}\n`);
  return 0;
}
