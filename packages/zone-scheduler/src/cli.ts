#!/usr/bin/env node
import { OperatorError, runProgram } from '@holdfast/cli-kit';
import { parseCommandLine } from './cli/command-line.ts';
import { runSimulation } from './cli/simulate.ts';

await runProgram('holdfast-zone-scheduler', async ({ args, print }) => {
  const invocation = parseCommandLine(args, print);
  if (invocation.kind === 'printed') return 0;
  if (invocation.kind === 'mistake') throw new OperatorError(invocation.message);
  return runSimulation(invocation.request, print);
});
