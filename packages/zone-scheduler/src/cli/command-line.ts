import { parseCommand, wholeNumber, type Unread } from '@holdfast/cli-kit';
import type { Command } from 'commander';
import type { Controller } from '../controller.ts';
import { controllerOf } from './controllers.ts';
import { VERSION } from './version.ts';

export interface SimulateRequest {
  readonly file: string;
  readonly controllerName: string;
  readonly controller: () => Controller;
  readonly seed: number;
  readonly seeds: number;
  readonly scale: number;
  readonly json: boolean;
  readonly svg: string | undefined;
}

export type Invocation = { readonly kind: 'simulate'; readonly request: SimulateRequest } | Unread;

interface Flags {
  readonly controller?: string;
  readonly seed?: string;
  readonly seeds?: string;
  readonly scale?: string;
  readonly json?: true;
  readonly svg?: string;
}

/** Reads the command line. A mistake in it comes back as one sentence. */
export function parseCommandLine(
  args: readonly string[],
  print: (text: string) => void,
): Invocation {
  return parseCommand<Invocation>(args, {
    name: 'holdfast-zone-scheduler',
    description: 'Simulates a zone scheduler before production does.',
    version: VERSION,
    print,
    addCommands(program, decide) {
      withOptions(program.command('simulate')).action((file: string, flags: Flags) =>
        decide(() => ({ kind: 'simulate', request: requestOf(file, flags) })),
      );
    },
  });
}

function withOptions(command: Command): Command {
  return command
    .description('Runs a scenario with the real scheduler on a virtual clock.')
    .argument('<scenario>', 'a JSON file')
    .allowExcessArguments(false)
    .option(
      '--controller <name>',
      'adaptive, littlesLaw, aimd, vegas, gradient2 or fixed:<slots> (default: adaptive)',
    )
    .option('--seed <n>', 'the first seed (default: 1)')
    .option('--seeds <n>', 'so many runs, each with its own seed (default: 1)')
    .option('--scale <n>', 'so many times the zones, each so many times faster (default: 1)')
    .option('--json', 'print one JSON document')
    .option('--svg <file>', 'draw the first run there');
}

/** @throws {TypeError} naming the flag. */
function requestOf(file: string, flags: Flags): SimulateRequest {
  return {
    file,
    controllerName: flags.controller ?? 'adaptive',
    controller: controllerOf(flags.controller),
    seed: wholeNumber('--seed', flags.seed) ?? 1,
    seeds: atLeastOne('--seeds', flags.seeds),
    scale: atLeastOne('--scale', flags.scale),
    json: flags.json === true,
    svg: flags.svg,
  };
}

function atLeastOne(flag: string, given: string | undefined): number {
  const value = wholeNumber(flag, given) ?? 1;
  if (value >= 1) return value;
  throw new TypeError(`${flag} must be at least 1, got ${value}`);
}
