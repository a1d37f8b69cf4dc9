import { isConfirmed, messageOf, OperatorError } from '@holdfast/cli-kit';
import { isHoldfastError } from '@holdfast/internal';
import { countOf } from '../count-of.ts';
import type { DeadFilter, RedriveOptions, RedriveProgress, RedriveReport } from '../dead-letter.ts';
import { deadLettersOf } from './dead-letters-of.ts';
import { createProgressBar } from './progress-bar.ts';
import { planText, reportText } from './redrive-text.ts';
import type { OperatedQueue } from './stores/operated-store.ts';
import type { ExitCode, Terminal } from './terminal.ts';

export interface RedriveRequest {
  readonly filter: DeadFilter;
  readonly perSecond: number | undefined;
  readonly dryRun: boolean;
  /** True: it acts without asking. */
  readonly yes: boolean;
}

/** What a run will do, as things stand. */
export interface RedrivePlan {
  readonly queue: string;
  readonly store: string;
  /** Letters that are there, and those of them that the filter lets through. */
  readonly dead: number;
  readonly matched: number;
  readonly filter: DeadFilter;
  /** What the queue has room for. */
  readonly roomCount: number;
  readonly roomBytes: number;
  /** Null: as fast as the store. */
  readonly perSecond: number | null;
  readonly dryRun: boolean;
}

export interface RedriveEnd extends RedriveReport {
  readonly stopped: boolean;
}

const NOTHING: RedriveReport = { matched: 0, redriven: 0, full: 0 };

/** Shows the plan, asks where it must, and puts the letters back. */
export async function redrive(
  queue: OperatedQueue,
  { request, json }: { readonly request: RedriveRequest; readonly json: boolean },
  terminal: Terminal,
): Promise<ExitCode> {
  const { print, isInteractive, signal } = terminal;
  const { filter, perSecond, dryRun, yes } = request;
  const counted = await run(queue, { filter, dryRun: true }, terminal);
  if (counted.stopped) return 130;
  const plan = await planOf(queue, request, counted.matched);
  if (!json) print(planText(plan));

  const hasWork = plan.matched > 0 && !dryRun;
  if (hasWork && !yes && (json || !isInteractive)) {
    throw new OperatorError('nothing was done: add --yes to act, or --dry-run to count');
  }
  if (hasWork && !yes && !(await isConfirmed(terminal))) return signal.aborted ? 130 : 2;

  const end = hasWork
    ? await run(queue, { filter, perSecond }, terminal)
    : { ...NOTHING, matched: plan.matched, stopped: false };
  if (json) print(`${JSON.stringify({ plan, report: end })}\n`);
  else if (hasWork) print(reportText(end));
  if (end.stopped) return 130;
  return end.full > 0 ? 1 : 0;
}

async function planOf(
  { name, store, settings, stored }: OperatedQueue,
  { filter, perSecond, dryRun }: RedriveRequest,
  matched: number,
): Promise<RedrivePlan> {
  const { dead, count, bytes } = await stored.stats();
  const { maxCount, maxBytes } = settings.limits;
  return {
    ...{ queue: name, store: store.label, dead, matched, filter },
    roomCount: Math.max(0, maxCount - count),
    roomBytes: Math.max(0, maxBytes - bytes),
    perSecond: perSecond ?? null,
    dryRun,
  };
}

/** When it is stopped, what was done until then. */
async function run(
  queue: OperatedQueue,
  options: Pick<RedriveOptions, 'filter' | 'perSecond' | 'dryRun'>,
  { stderr, signal }: Terminal,
): Promise<RedriveEnd> {
  const bar = createProgressBar(stderr, options.dryRun === true ? 'counting' : 'redriving');
  let { matched, redriven, full } = NOTHING;
  const onProgress = (progress: RedriveProgress): void => {
    ({ matched, redriven, full } = progress);
    bar.show(progress);
  };
  try {
    const report = await deadLettersOf(queue).redrive({ ...options, signal, onProgress });
    return { ...report, stopped: false };
  } catch (error) {
    if (signal.aborted && error === signal.reason) {
      return { matched, redriven, full, stopped: true };
    }
    if (redriven === 0) throw error;
    const cause = isHoldfastError(error, 'STORE_FAILED') ? error.cause : error;
    throw new OperatorError(
      `${messageOf(cause)}; ${countOf(redriven, 'letter')} had been redriven before`,
      {
        ...{ cause: error, exitCode: 1 },
      },
    );
  } finally {
    bar.end();
  }
}
