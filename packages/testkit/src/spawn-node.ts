import { createInterface } from 'node:readline';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleOnce } from './bundle-once.ts';
import { signal, spawnGuarded, type ExitStatus } from './guarded-process.ts';
import { repositoryRoot } from './repository-root.ts';

/** A TypeScript program that runs in a process of its own and speaks in JSON lines. */
export interface NodeProcess<Message> {
  readonly pid: number;
  /** Resolves with how it ended. */
  readonly exited: Promise<ExitStatus>;
  /** The next line of its standard output, parsed. Rejects when it ends without another one. */
  next(): Promise<Message>;
  /** All lines that are left; waits for the end of the process. */
  rest(): Promise<Message[]>;
  /** Writes a value as one JSON line to its standard input. */
  send(value: unknown): void;
  /** SIGKILL; resolves when it has ended. */
  kill(): Promise<void>;
  /** SIGSTOP. */
  freeze(): void;
  /** SIGCONT. */
  thaw(): void;
  /** The same as `kill`. */
  [Symbol.asyncDispose](): Promise<void>;
}

export interface SpawnNodeOptions {
  /** Added to the environment of this process. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** Options for Node.js itself, for example `['--expose-gc']`. */
  readonly nodeArgs?: readonly string[] | undefined;
}

/**
 * Runs a program with Node.js from the repository's root; what it runs for a TypeScript file is its bundle (see
 * `bundleOnce`). It never outlives this process. Its standard error is shown when it ends with a failure that nobody
 * asked for, as the message of `next()`.
 */
export async function spawnNode<Message = unknown>(
  file: string | URL,
  args: readonly string[] = [],
  options: SpawnNodeOptions = {},
): Promise<NodeProcess<Message>> {
  const path = file instanceof URL ? fileURLToPath(file) : resolve(file);
  const program = path.endsWith('.ts') ? await bundleOnce(path) : path;
  const env: NodeJS.ProcessEnv = { ...process.env, ...options.env };
  // It is no worker of vitest, though its parent is one.
  delete env['VITEST'];
  delete env['VITEST_WORKER_ID'];
  const running = await spawnGuarded(
    {
      program: process.execPath,
      args: [...(options.nodeArgs ?? []), program, ...args],
      cwd: repositoryRoot(),
      env,
    },
    ['pipe', 'pipe', 'pipe'],
  );
  const { stdin, stdout, stderr } = running.child;
  if (stdin === null || stdout === null || stderr === null)
    throw new Error('no pipes to the child');
  // The child may be killed while we write.
  stdin.on('error', () => undefined);
  let errors = '';
  stderr.setEncoding('utf8').on('data', (text: string) => (errors = (errors + text).slice(-8000)));
  const lines = createInterface({ input: stdout })[Symbol.asyncIterator]();

  const read = async (): Promise<Message | undefined> => {
    const line = await lines.next();
    return line.done === true ? undefined : (JSON.parse(line.value) as Message);
  };

  // Only its own process group: servers that it started have a watchdog, which is being tested this way, too.
  const kill = async (): Promise<void> => {
    if (!running.hasExited()) signal(-running.pid, 'SIGKILL');
    await running.exited;
  };

  return {
    pid: running.pid,
    exited: running.exited,
    async next() {
      const message = await read();
      if (message !== undefined) return message;
      const { code, signal } = await running.exited;
      throw new Error(`${path} ended (code ${String(code)}, signal ${String(signal)})\n${errors}`);
    },
    async rest() {
      const messages: Message[] = [];
      for (let message = await read(); message !== undefined; message = await read()) {
        messages.push(message);
      }
      return messages;
    },
    send: (value) => void stdin.write(`${JSON.stringify(value)}\n`),
    kill,
    freeze: () => signal(-running.pid, 'SIGSTOP'),
    thaw: () => signal(-running.pid, 'SIGCONT'),
    [Symbol.asyncDispose]: kill,
  };
}
