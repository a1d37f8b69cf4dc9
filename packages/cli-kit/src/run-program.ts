import { OperatorError } from './operator-error.ts';

export interface ProgramContext {
  readonly args: readonly string[];
  /** DATABASE_URL, as the environment says it. */
  readonly databaseUrl: string | undefined;
  /** Another variable of the environment; empty is none. */
  readonly environment: (name: string) => string | undefined;
  readonly print: (text: string) => void;
  /** What `print` writes to. An `error` of it: nobody reads any more. */
  readonly stdout: NodeJS.WritableStream;
  readonly stdin: NodeJS.ReadableStream;
  readonly stderr: NodeJS.WritableStream;
  /** True when somebody can be asked. */
  readonly isInteractive: boolean;
  /** From the call on the first Ctrl-C, or SIGTERM, aborts it and ends nothing; the second ends the program at once. */
  readonly stopSignal: () => AbortSignal;
}

/**
 * Runs a command and sets the exit code that `main` gives. An `OperatorError` is said behind the program's name; any other
 * error is a bug, and shown as one.
 */
export async function runProgram(
  name: string,
  main: (context: ProgramContext) => Promise<number>,
): Promise<void> {
  // A reader that has seen enough, such as `head`, closes the pipe: what is left is not for anybody.
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
    });
  }
  try {
    process.exitCode = await main(contextOf());
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    process.stderr.write(`${name}: ${error.message}\n`);
    process.exitCode = error.exitCode;
  }
}

function contextOf(): ProgramContext {
  return {
    args: process.argv.slice(2),
    databaseUrl: process.env['DATABASE_URL'],
    environment(name) {
      const value = process.env[name];
      return value === '' ? undefined : value;
    },
    print: (text) => void process.stdout.write(text),
    stdout: process.stdout,
    stdin: process.stdin,
    stderr: process.stderr,
    isInteractive: process.stdin.isTTY && process.stderr.isTTY,
    stopSignal() {
      const stop = new AbortController();
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
      return stop.signal;
    },
  };
}
