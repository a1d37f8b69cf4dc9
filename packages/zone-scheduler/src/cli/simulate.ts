import { readFileSync, writeFileSync } from 'node:fs';
import { codeOf, messageOf, OperatorError } from '@holdfast/cli-kit';
import { judge } from '../sim/judge.ts';
import { plotRun } from '../sim/plot.ts';
import { readScenario } from '../sim/read-scenario.ts';
import type { Scenario } from '../sim/scenario.ts';
import { simulate, type SimulationRun } from '../sim/simulate.ts';
import type { SimulateRequest } from './command-line.ts';
import { judgementText, runText } from './text.ts';

/** 0: all expectations are met. 1: one is not. */
export type ExitCode = 0 | 1;

/** Runs a scenario file and prints what came of it. A mistake in the file is an `OperatorError` of one sentence. */
export async function runSimulation(
  request: SimulateRequest,
  print: (text: string) => void,
): Promise<ExitCode> {
  const { controller, controllerName, seed, seeds, scale, json, svg } = request;
  const scenario = loadScenario(request.file);
  // Now, and not after runs that may take minutes: a path that cannot be written is a mistake in the command.
  if (svg !== undefined) save(svg, '');
  const runs: SimulationRun[] = [];
  for (let n = 0; n < seeds; n += 1) {
    runs.push(await simulate(scenario, { controller, seed: seed + n, scale }));
  }
  const judgements = judge(scenario, runs);
  const [first] = runs;
  if (first === undefined) return 1;
  if (svg !== undefined) save(svg, plotRun(`${scenario.name}, ${controllerName}`, first));
  if (json) {
    print(`${JSON.stringify({ scenario, controller: controllerName, judgements, runs })}\n`);
  } else {
    const title = `${scenario.name}, ${controllerName}: ${scenario.about}`;
    print(`${title}\n\n${runText(first)}${judgementText(judgements)}`);
  }
  return judgements.every(({ isMet }) => isMet) ? 0 : 1;
}

function loadScenario(file: string): Scenario {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new OperatorError(`cannot read ${file}: ${whyOf(error)}`, { cause: error });
  }
  try {
    // Some editors begin a file with a byte order mark, which is no JSON.
    return readScenario(JSON.parse(text.replace(/^\uFEFF/, '')));
  } catch (error) {
    throw new OperatorError(`${file}: ${messageOf(error)}`, { cause: error });
  }
}

function save(file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (error) {
    throw new OperatorError(`cannot write ${file}: ${whyOf(error)}`, { cause: error });
  }
}

/** The usual mistakes with a path, in words. */
const MISTAKES = new Map([
  ['ENOENT', 'no such file or folder'],
  ['EISDIR', 'it is a folder'],
  ['ENOTDIR', 'a part of the path is no folder'],
  ['EACCES', 'permission denied'],
  ['EROFS', 'the file system is read-only'],
]);

function whyOf(error: unknown): string {
  const code = codeOf(error);
  return MISTAKES.get(code ?? '') ?? code ?? messageOf(error);
}
