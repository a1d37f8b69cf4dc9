#!/usr/bin/env node
import { OperatorError, runProgram, type ProgramContext } from '@holdfast/cli-kit';
import { parseCommandLine, type Invocation } from './cli/command-line.ts';
import { inspectQueue, listQueues } from './cli/inspect.ts';
import { listDead } from './cli/list-dead.ts';
import { purge } from './cli/purge.ts';
import { redrive } from './cli/redrive.ts';
import { findQueue, type OperatedStore } from './cli/stores/operated-store.ts';
import { withStore } from './cli/stores/with-store.ts';
import type { ExitCode } from './cli/terminal.ts';
import { deadText, inspectionText, listText, pausedText } from './cli/text.ts';

type Action = Exclude<Invocation, { kind: 'printed' | 'mistake' }>;

async function main(context: ProgramContext): Promise<ExitCode> {
  const invocation = parseCommandLine(context.args, context);
  if (invocation.kind === 'printed') return 0;
  if (invocation.kind === 'mistake') throw new OperatorError(invocation.message);
  // Only what acts step by step can stop between two steps.
  const canStop = invocation.kind === 'redrive' || invocation.kind === 'purge';
  const signal = canStop ? context.stopSignal() : new AbortController().signal;
  return withStore(invocation.place, context.environment, (store) =>
    act(store, invocation, { ...context, signal }),
  );
}

async function act(
  store: OperatedStore,
  action: Action,
  terminal: ProgramContext & { readonly signal: AbortSignal },
): Promise<ExitCode> {
  const show = <T>(value: T, text: (value: T) => string): 0 => {
    terminal.print(action.json ? `${JSON.stringify(value)}\n` : text(value));
    return 0;
  };
  switch (action.kind) {
    case 'list':
      return show(await listQueues(store), listText);
    case 'inspect':
      return show(await inspectQueue(store, action.queue), inspectionText);
    case 'dead':
      return show(await listDead(await findQueue(store, action.queue), action.request), deadText);
    case 'purge':
      return purge(await findQueue(store, action.queue), action, terminal);
    case 'redrive':
      return redrive(await findQueue(store, action.queue), action, terminal);
    case 'pause':
    case 'resume': {
      const { stored, name } = await findQueue(store, action.queue);
      await stored.setPaused(action.target, action.kind === 'pause');
      const { paused } = await stored.stats();
      return show({ queue: name, paused }, () => `paused: ${pausedText(paused)}\n`);
    }
    default: {
      const impossible: never = action;
      return impossible;
    }
  }
}

await runProgram('holdfast-sync-queue', main);
