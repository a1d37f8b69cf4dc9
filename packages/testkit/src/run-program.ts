import { execFile, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { bundleOnce } from './bundle-once.ts';

/** Of util-linux; other systems have another one of that name, or none. */
const SCRIPT = 'script';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

export interface FinishedProgram {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunProgramOptions {
  /** True: nobody reads what it prints. */
  readonly stopReading?: boolean;
  /** Runs it on a pseudo terminal, where `text` is typed when `prompt` is shown; everything it shows is its `stdout`. */
  readonly terminal?: { readonly prompt: string; readonly text: string };
}

export type RunProgram = (
  args: readonly string[],
  env?: Readonly<Record<string, string>>,
  options?: RunProgramOptions,
) => Promise<FinishedProgram>;

/**
 * Runs a program of Node.js as a user would: in a process of its own, and the environment names no server unless `env`
 * does. Of a TypeScript file it runs the bundle (see `bundleOnce`). A pseudo terminal is not everywhere: `hasPseudoTerminal`.
 */
export function programRunner(program: URL | string): RunProgram {
  const path = program instanceof URL ? fileURLToPath(program) : program;
  return async (args, env = {}, { stopReading = false, terminal } = {}) => {
    const file = path.endsWith('.ts') ? await bundleOnce(path) : path;
    const line = [process.execPath, file, ...args];
    const [command = '', ...rest] = terminal === undefined ? line : scripted(line);
    return new Promise((resolve) => {
      const { stdout, stdin } = execFile(
        command,
        rest,
        { cwd: ROOT, env: { ...withoutServers(), ...env }, timeout: 60_000 },
        (error, printed, complained) =>
          resolve({
            code: error === null ? 0 : Number(error.code),
            stdout: printed,
            stderr: complained,
          }),
      );
      if (stopReading) stdout?.destroy();
      if (terminal === undefined) return;
      let shown = '';
      stdout?.on('data', (text: string) => {
        const isThere = shown.includes(terminal.prompt);
        shown += text;
        if (!isThere && shown.includes(terminal.prompt)) stdin?.write(terminal.text);
      });
    });
  };
}

/** Whether `terminal` can be asked for on this machine. */
export function hasPseudoTerminal(): boolean {
  return String(spawnSync(SCRIPT, ['--version']).stdout).includes('util-linux');
}

/** The JSON that a run has printed which went well and had nothing to complain of. */
export function parsedOutput({ code, stdout, stderr }: FinishedProgram): unknown {
  if (code !== 0 || stderr !== '') throw new Error(`code ${code}: ${stderr}`);
  return JSON.parse(stdout);
}

function withoutServers(): Record<string, string | undefined> {
  const all = Object.entries(process.env);
  return Object.fromEntries(
    all.filter(([name]) => !/^(PG|DATABASE_URL$|HOLDFAST_QUEUE_)/.test(name)),
  );
}

function scripted(line: readonly string[]): string[] {
  const quoted = line.map((word) => `'${word.replaceAll("'", `'\\''`)}'`);
  // `exec`: a shell that waits for the program takes Ctrl-C for itself as well, and ends by it.
  return [SCRIPT, '--quiet', '--return', '--command', `exec ${quoted.join(' ')}`, '/dev/null'];
}
