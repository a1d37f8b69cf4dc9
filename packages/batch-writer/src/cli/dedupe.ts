import { isConfirmed, OperatorError } from '@holdfast/cli-kit';
import type { PgPoolLike } from '../ports.ts';
import type { RemoveDuplicatesReport } from '../duplicates/duplicates.ts';
import { removeDuplicates } from '../duplicates/remove-duplicates.ts';
import type { DedupeRequest } from './command-line.ts';
import { explain } from './explain.ts';
import { readPlan } from './plan.ts';
import { createProgressBar } from './progress-bar.ts';
import { planText, reportText } from './text.ts';

export interface Terminal {
  readonly print: (text: string) => void;
  readonly stdin: NodeJS.ReadableStream;
  /** Where questions and progress go; progress only if it is a terminal. */
  readonly stderr: NodeJS.WritableStream;
  /** True when somebody can be asked. */
  readonly isInteractive: boolean;
  readonly signal: AbortSignal;
}

/** 0: done. 1: not to the end, or without the unique index. 2: nothing was done. 130: told to stop. */
export type ExitCode = 0 | 1 | 2 | 130;

/** Shows the plan, asks where it must, and cleans up. */
export async function dedupe(
  pool: PgPoolLike,
  request: DedupeRequest,
  terminal: Terminal,
): Promise<ExitCode> {
  const { options, json, yes } = request;
  const { print, isInteractive, signal } = terminal;
  const plan = await readPlan(pool, options);
  if (!json) print(planText(plan));
  const mayAct = yes || plan.dryRun;
  if (!mayAct && (json || !isInteractive)) {
    throw new OperatorError('nothing was done: add --yes to act, or --dry-run to count');
  }
  if (!mayAct && !(await isConfirmed(terminal))) return signal.aborted ? 130 : 2;

  const report = await cleanUp(pool, request, terminal);
  print(json ? `${JSON.stringify({ plan, report })}\n` : reportText(report, plan.dryRun));
  if (report.aborted) return 130;
  return report.index === 'failed' ? 1 : 0;
}

async function cleanUp(
  pool: PgPoolLike,
  { options }: DedupeRequest,
  { stderr, signal }: Terminal,
): Promise<RemoveDuplicatesReport> {
  const bar = createProgressBar(stderr);
  let deleted = 0;
  try {
    return await removeDuplicates({
      ...{ ...options, pool, signal },
      onProgress(progress) {
        deleted = progress.deleted;
        bar.show(progress);
      },
    });
  } catch (error) {
    if (deleted === 0) throw error;
    const sentence = `${explain(error)}; ${deleted} rows had been deleted before`;
    throw new OperatorError(sentence, { cause: error, exitCode: 1 });
  } finally {
    bar.end();
  }
}
