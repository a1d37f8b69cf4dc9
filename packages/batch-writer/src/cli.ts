#!/usr/bin/env node
import { parseCommandLine } from './cli/command-line.ts';
import { withDatabase } from './cli/database.ts';
import { dedupe, type ExitCode } from './cli/dedupe.ts';
import { OperatorError } from './cli/operator-error.ts';

async function main(signal: AbortSignal): Promise<ExitCode> {
  const invocation = parseCommandLine(process.argv.slice(2), {
    databaseUrl: process.env['DATABASE_URL'],
    print,
  });
  if (invocation.kind === 'printed') return 0;
  if (invocation.kind === 'mistake') return complain(invocation.message, 2);
  const { request } = invocation;
  try {
    return await withDatabase(request.url, (pool) =>
      dedupe(pool, request, {
        print,
        stderr: process.stderr,
        isInteractive: process.stdin.isTTY && process.stderr.isTTY,
        signal,
      }),
    );
  } catch (error) {
    if (error instanceof OperatorError) return complain(error.message, error.exitCode);
    throw error;
  }
}

function print(text: string): void {
  process.stdout.write(text);
}

function complain(sentence: string, exitCode: 1 | 2): 1 | 2 {
  process.stderr.write(`holdfast-batch-writer: ${sentence}\n`);
  return exitCode;
}

// A reader that has seen enough, such as `head`, closes the pipe: what is left is not for anybody.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}
const stop = new AbortController();
// The second one ends the program at once.
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stop.abort());
process.exitCode = await main(stop.signal);
