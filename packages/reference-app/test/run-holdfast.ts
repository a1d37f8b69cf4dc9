import { spawn } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { LedgerReport } from '../src/demo/report.ts';

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url));
const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly seconds: number;
}

export interface Running {
  readonly pid: number;
  readonly finished: Promise<Finished>;
  kill(signal: NodeJS.Signals): void;
  /** Resolves when standard error holds `text`; rejects when the process ends without it. */
  said(text: string): Promise<void>;
}

/** Starts the command as a user would, in a process of its own. */
export function startHoldfast(...args: readonly string[]): Running {
  const startedAt = performance.now();
  const child = spawn(process.execPath, ['--import', 'tsx', MAIN, ...args], {
    cwd: ROOT,
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
      resolve({ code, stdout, stderr, seconds: (performance.now() - startedAt) / 1000 });
    });
  });
  return {
    pid: child.pid ?? NaN,
    finished,
    kill: (signal) => child.kill(signal),
    said: (text) =>
      new Promise<void>((resolve, reject) => {
        const look = (): void => {
          if (!stderr.includes(text)) return;
          watchers.delete(look);
          resolve();
        };
        watchers.add(look);
        look();
        void finished.then(() => reject(new Error(`ended without "${text}":\n${stderr}`)));
      }),
  };
}

export function runHoldfast(...args: readonly string[]): Promise<Finished> {
  return startHoldfast(...args).finished;
}

/** The ledger in the output of a run with `--json`. */
export function ledgerOf(run: Finished): LedgerReport {
  try {
    return JSON.parse(run.stdout) as LedgerReport;
  } catch {
    throw new Error(`no ledger; exit code ${String(run.code)}:\n${run.stdout}\n${run.stderr}`);
  }
}

/** Folders of embedded servers that are there now. */
export async function embeddedFolders(): Promise<readonly string[]> {
  const entries = await readdir(tmpdir());
  return entries.filter((entry) => /^holdfast-(postgres|queue)-/.test(entry)).sort();
}
