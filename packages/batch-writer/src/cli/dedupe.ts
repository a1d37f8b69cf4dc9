import { createInterface } from 'node:readline/promises';
import type { PgPoolLike } from '../ports.ts';
import { removeDuplicates } from '../duplicates/remove-duplicates.ts';
import type { DedupeRequest } from './command-line.ts';
import { OperatorError } from './operator-error.ts';
import { readPlan } from './plan.ts';
import { planText, progressText, reportText } from './text.ts';

export interface Terminal {
  readonly print: (text: string) => void;
  /** Nothing where nobody watches. */
  readonly drawLine: (text: string) => void;
  /** True when somebody can be asked. */
  readonly isInteractive: boolean;
  readonly signal: AbortSignal;
}

/** 0: done. 1: the unique index could not be built. 2: nothing was done. 130: told to stop. */
export type ExitCode = 0 | 1 | 2 | 130;

/** Shows the plan, asks where it must, and cleans up. */
export async function dedupe(
  pool: PgPoolLike,
  { options, json, yes }: DedupeRequest,
  { print, drawLine, isInteractive, signal }: Terminal,
): Promise<ExitCode> {
  const plan = await readPlan(pool, options);
  if (!json) print(planText(plan));
  const mayAct = yes || plan.dryRun;
  if (!mayAct && (json || !isInteractive)) {
    throw new OperatorError('nothing was done: add --yes to act, or --dry-run to count');
  }
  if (!mayAct && !(await isConfirmed(signal))) return signal.aborted ? 130 : 2;

  const report = await removeDuplicates({
    ...options,
    pool,
    signal,
    onProgress: (progress) => drawLine(progressText(progress)),
  });
  drawLine('');
  print(json ? `${JSON.stringify({ plan, report })}\n` : reportText(report, plan.dryRun));
  if (report.aborted) return 130;
  return report.index === 'failed' ? 1 : 0;
}

async function isConfirmed(signal: AbortSignal): Promise<boolean> {
  // As no terminal: Ctrl-C then is a signal to the program, as at any other moment.
  const asking = createInterface({ input: process.stdin, output: process.stderr, terminal: false });
  try {
    return /^y(es)?$/i.test((await asking.question('Go on? [y/N] ', { signal })).trim());
  } catch (error) {
    if (!signal.aborted) throw error;
    return false;
  } finally {
    asking.close();
  }
}
