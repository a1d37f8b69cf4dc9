#!/usr/bin/env node
import { OperatorError, runProgram, type ProgramContext } from '@holdfast/cli-kit';
import { parseCommandLine, type Invocation } from './cli/command-line.ts';
import { inspectQueue, listQueues, type InspectedQueue } from './cli/inspect.ts';
import { listDead } from './cli/list-dead.ts';
import { purge } from './cli/purge.ts';
import { redrive } from './cli/redrive.ts';
import { findQueue, type OperatedStore } from './cli/stores/operated-store.ts';
import { withStore } from './cli/stores/with-store.ts';
import type { ExitCode } from './cli/terminal.ts';
import { deadText, inspectionText, listText, pausedText } from './cli/text.ts';
import { watch, type Watched } from './cli/watch.ts';

type Look = Extract<Invocation, { kind: 'list' | 'inspect' }>;
type Action = Exclude<Invocation, { kind: 'printed' | 'mistake' | 'list' | 'inspect' }>;

async function main(context: ProgramContext): Promise<ExitCode> {
  const invocation = parseCommandLine(context.args, context);
  if (invocation.kind === 'printed') return 0;
  if (invocation.kind === 'mistake') throw new OperatorError(invocation.message);
  if (invocation.kind === 'list' || invocation.kind === 'inspect') return look(invocation, context);
  // Only what acts step by step can stop between two steps.
  const canStop = invocation.kind === 'redrive' || invocation.kind === 'purge';
  const signal = canStop ? context.stopSignal() : new AbortController().signal;
  const { place } = invocation;
  return withStore({ place, environment: context.environment }, (store) =>
    act(store, invocation, { ...context, signal }),
  );
}

/** Once, or again and again. */
function look(invocation: Look, context: ProgramContext): Promise<ExitCode> {
  if (invocation.kind === 'list') {
    const line = (queues: unknown): object => ({ queues });
    return show({ look: listQueues, text: listText, line }, invocation, context);
  }
  const { queue } = invocation;
  const inspect = (store: OperatedStore): Promise<InspectedQueue> => inspectQueue(store, queue);
  return show({ look: inspect, text: inspectionText, line: (value) => value }, invocation, context);
}

async function show<T>(
  seen: Omit<Watched<T>, 'withStore'>,
  { place, json, watch: request }: Look,
  context: ProgramContext,
): Promise<ExitCode> {
  const { environment, print } = context;
  if (request !== undefined) {
    const withPlace: Watched<T>['withStore'] = (fn, signal) =>
      withStore({ place, environment, signal }, fn);
    const terminal = { ...context, signal: context.stopSignal() };
    return watch({ ...seen, withStore: withPlace }, { request, json }, terminal);
  }
  const value = await withStore({ place, environment }, seen.look);
  print(json ? `${JSON.stringify(value)}\n` : seen.text(value));
  return 0;
}

async function act(
  store: OperatedStore,
  action: Action,
  terminal: ProgramContext & { readonly signal: AbortSignal },
): Promise<ExitCode> {
  const printed = <T>(value: T, text: (value: T) => string): 0 => {
    terminal.print(action.json ? `${JSON.stringify(value)}\n` : text(value));
    return 0;
  };
  switch (action.kind) {
    case 'dead':
      return printed(
        await listDead(await findQueue(store, action.queue), action.request),
        deadText,
      );
    case 'purge':
      return purge(await findQueue(store, action.queue), action, terminal);
    case 'redrive':
      return redrive(await findQueue(store, action.queue), action, terminal);
    case 'pause':
    case 'resume': {
      const { stored, name } = await findQueue(store, action.queue);
      await stored.setPaused(action.target, action.kind === 'pause');
      const { paused } = await stored.stats();
      return printed({ queue: name, paused }, () => `paused: ${pausedText(paused)}\n`);
    }
    default: {
      const impossible: never = action;
      return impossible;
    }
  }
}

await runProgram('holdfast-sync-queue', main);
