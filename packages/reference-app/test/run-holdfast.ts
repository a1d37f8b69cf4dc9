import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleOnce } from '@holdfast/testkit';
import type { LedgerReport } from '../src/demo/report.ts';

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url));
const BUNDLE = await bundleOnce(MAIN);
const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** What the run has left in the folder for temporary files. */
  readonly leftovers: readonly string[];
}

export interface Running extends AsyncDisposable {
  /** For temporary files of this run alone. */
  readonly folder: string;
  /** What is in the run's own folder for temporary files now: its embedded servers live there. */
  temporaryFiles(): Promise<readonly string[]>;
  readonly finished: Promise<Finished>;
  kill(signal: NodeJS.Signals): void;
  /** Nobody reads standard output any more, as when `head` has seen enough. */
  closeStdout(): void;
  /** Resolves when standard error holds `what`; rejects when the process ends without it. */
  said(what: string | RegExp): Promise<void>;
}

/** Starts the command in a process of its own. */
export function startHoldfast(...args: readonly string[]): Running {
  return start([BUNDLE, ...args]);
}

/** Runs it as `npm run demo` does, from source. */
export async function runFromSource(...args: readonly string[]): Promise<Finished> {
  await using running = start(['--import', 'tsx', MAIN, ...args]);
  return await running.finished;
}

export async function runHoldfast(...args: readonly string[]): Promise<Finished> {
  await using running = startHoldfast(...args);
  return await running.finished;
}

/** Runs it with further variables of the environment. */
export async function runHoldfastWith(
  environment: Readonly<Record<string, string>>,
  ...args: readonly string[]
): Promise<Finished> {
  await using running = start([BUNDLE, ...args], environment);
  return await running.finished;
}

function start(
  nodeArgs: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Running {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-test-'));
  // Like the system's: PostgreSQL runs as another user when we are root.
  chmodSync(folder, 0o1777);
  const temporaryFiles = async (): Promise<readonly string[]> =>
    (await readdir(folder)).filter((name) => name.startsWith('holdfast-'));
  const child = spawn(process.execPath, nodeArgs, {
    cwd: ROOT,
    env: { ...process.env, TMPDIR: folder, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  const watchers = new Set<() => void>();
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
    for (const look of watchers) look();
  });
  const finished = new Promise<Finished>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      temporaryFiles().then((leftovers) => resolve({ code, stdout, stderr, leftovers }), reject);
    });
  });
  return {
    finished,
    folder,
    temporaryFiles,
    kill: (signal) => child.kill(signal),
    closeStdout: () => void child.stdout.destroy(),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
    said: (what) =>
      new Promise<void>((resolve, reject) => {
        const look = (): void => {
          if (typeof what === 'string' ? !stderr.includes(what) : !what.test(stderr)) return;
          watchers.delete(look);
          resolve();
        };
        watchers.add(look);
        look();
        void finished.then(() => reject(new Error(`ended without "${String(what)}":\n${stderr}`)));
      }),
  };
}

/** The ledger in the output of a run with `--json`. */
export function ledgerOf(run: Finished): LedgerReport {
  try {
    return JSON.parse(run.stdout) as LedgerReport;
  } catch {
    throw new Error(`no ledger; exit code ${String(run.code)}:\n${run.stdout}\n${run.stderr}`);
  }
}
