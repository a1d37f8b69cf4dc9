#!/usr/bin/env node
import { OperatorError, runProgram, withDatabase } from '@holdfast/cli-kit';
import { parseCommandLine } from './cli/command-line.ts';
import { dedupe } from './cli/dedupe.ts';
import { explain } from './cli/explain.ts';

const NAME = 'holdfast-batch-writer';

await runProgram(NAME, async (context) => {
  const signal = context.stopSignal();
  const invocation = parseCommandLine(context.args, context);
  if (invocation.kind === 'printed') return 0;
  if (invocation.kind === 'mistake') throw new OperatorError(invocation.message);
  const { request } = invocation;
  return withDatabase({ url: request.url, applicationName: NAME, max: 2, explain }, (pool) =>
    dedupe(pool, request, { ...context, signal }),
  );
});
