import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';

export const CLI = fileURLToPath(new URL('../../src/cli.ts', import.meta.url));
export const ROOT = fileURLToPath(new URL('../../../..', import.meta.url));

export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs the program as a user would, in a process of its own; the environment names no server unless `env` does.
 * `stopReading`: nobody reads what it prints.
 */
export function runCli(
  args: readonly string[],
  env: Record<string, string> = {},
  { stopReading = false } = {},
): Promise<Finished> {
  const others = Object.entries(process.env).filter(([name]) => !/^(PG|DATABASE_URL$)/.test(name));
  return new Promise((resolve) => {
    const { stdout: printed } = execFile(
      process.execPath,
      ['--import', 'tsx', CLI, ...args],
      { cwd: ROOT, env: { ...Object.fromEntries(others), ...env } },
      (error, stdout, stderr) =>
        resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
    );
    if (stopReading) printed?.destroy();
  });
}

/** The JSON of a run that went well. */
export function parsed(finished: Finished): unknown {
  expect(finished).toMatchObject({ code: 0, stderr: '' });
  return JSON.parse(finished.stdout);
}
