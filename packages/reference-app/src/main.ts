#!/usr/bin/env node
import { runProgram, type ProgramContext } from '@holdfast/cli-kit';
import { systemClock } from '@holdfast/internal';
import pino from 'pino';
import { parseCommandLine, type Invocation } from './cli/command-line.ts';
import { ledgerTable } from './cli/ledger-table.ts';
import { createProgress } from './cli/progress.ts';
import { BadInputError } from './demo/bad-input-error.ts';
import { exitCodeOf, type LedgerReport } from './demo/report.ts';
import { runDemo } from './demo/run-demo.ts';
import { OperatorError, reasonOf } from './system/operator-error.ts';

/** Of pino, and `silent`. */
const LOG_LEVELS = [...Object.keys(pino.levels.values), 'silent'];

/** Early enough before the end for the ledger to be printed. */
const LAST_CALL_MS = 8_500;

/** A drain that has not ended by then is given up: the promise is ten seconds. */
const LONGEST_EXIT_MS = 9_500;

/** npm passes a Ctrl-C on that the terminal has sent already: what comes this soon is the same press. */
const SAME_PRESS_MS = 500;

async function main(context: ProgramContext): Promise<number> {
  const invocation = parseCommandLine(context.args, context.print);
  switch (invocation.kind) {
    case 'printed':
      return 0;
    case 'mistake':
      return complain(invocation.message);
    case 'demo':
      return demo(invocation, context);
    default: {
      const impossible: never = invocation;
      return impossible;
    }
  }
}

async function demo(
  { options, json }: Extract<Invocation, { kind: 'demo' }>,
  { print, stderr, environment }: ProgramContext,
): Promise<0 | 1 | 2 | 130> {
  const level = environment('LOG_LEVEL') ?? 'warn';
  if (!LOG_LEVELS.includes(level)) {
    return complain(`LOG_LEVEL must be one of ${LOG_LEVELS.join(', ')}`);
  }
  const log = createLog(level);
  const progress = createProgress(stderr);
  let exitCode: ReturnType<typeof exitCodeOf> = 1;
  const onLedger = (report: LedgerReport): void => {
    progress.stop();
    print(`${json ? JSON.stringify(report) : ledgerTable(report)}\n`);
    if (report.badLines > 0) complain(describeBadLines(report));
    exitCode = exitCodeOf(report);
    // Should the servers not stop in time, the process still ends with it.
    process.exitCode = exitCode;
  };
  try {
    await runDemo(options, { progress, log, ...interruptSignals(), onLedger });
    return exitCode;
  } catch (error) {
    progress.stop();
    if (error instanceof BadInputError || error instanceof OperatorError) {
      return complain(error.message);
    }
    log.error({ err: error }, 'the run failed');
    complain(`the run failed: ${reasonOf(error)}`);
    return 1;
  }
}

function createLog(level: string): pino.Logger {
  // Not the whole error: the driver hangs its client on it, with the connection's settings.
  const err = (error: unknown): object =>
    error instanceof Error ? describeError(error) : { message: String(error) };
  return pino({ level, serializers: { err } }, pino.destination({ dest: 2, sync: true }));
}

function describeError(error: Error & { readonly code?: unknown }): object {
  const { name, message, code, stack } = error;
  return { name, message, ...(code === undefined ? {} : { code }), stack };
}

function describeBadLines({ badLines, messages }: LedgerReport): string {
  return messages === 0
    ? `no line of the recording is a message: name its fields with --ts, --node and --values`
    : `${badLines} lines of the recording were left out`;
}

/** `interrupt` aborts at the first SIGINT or SIGTERM, `lastCall` when the end is near; a later signal ends the process at once. */
function interruptSignals(): { readonly interrupt: AbortSignal; readonly lastCall: AbortSignal } {
  const interrupt = new AbortController();
  const lastCall = new AbortController();
  let firstAt: number | undefined;
  const onSignal = (): void => {
    const now = systemClock.now();
    if (firstAt === undefined) {
      firstAt = now;
      process.stderr.write('\nstopping: what is acknowledged will be stored\n');
      interrupt.abort(new Error('interrupted'));
      const call = (): void => lastCall.abort(new Error('the end after an interrupt is near'));
      systemClock.setTimer(call, LAST_CALL_MS, { background: true });
      const giveUp = (): void => {
        process.stderr.write('the drain took too long and was given up\n');
        process.exit(process.exitCode ?? 1);
      };
      systemClock.setTimer(giveUp, LONGEST_EXIT_MS, { background: true });
    } else if (now - firstAt > SAME_PRESS_MS) {
      process.exit(130);
    }
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  // The terminal was closed.
  process.on('SIGHUP', onSignal);
  return { interrupt: interrupt.signal, lastCall: lastCall.signal };
}

function complain(sentence: string): 2 {
  process.stderr.write(`holdfast: ${sentence}\n`);
  return 2;
}

await runProgram('holdfast', main);
