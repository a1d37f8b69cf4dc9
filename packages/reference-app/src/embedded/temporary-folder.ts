import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface TemporaryFolder {
  readonly path: string;
  /** Should this process be killed, somebody else removes the folder from now on. */
  handOver(): void;
  /** Removes the folder with all that is in it. */
  close(): Promise<void>;
}

/** Waits for the end of its standard input, which is the end of this process, however it comes. */
const REMOVER = 'cat >/dev/null; [ -e "$1/.handed-over" ] || rm -rf "$1"';

/** A folder that only this user can read and that is removed even when this process is killed. */
export async function createTemporaryFolder(prefix: string): Promise<TemporaryFolder> {
  const path = join(tmpdir(), `${prefix}${randomUUID()}`);
  // Before the folder is there, so that there is no time in which it has nobody. In a session of its own: a Ctrl-C in
  // the terminal does not reach it.
  const remover = spawn('/bin/sh', ['-c', REMOVER, 'holdfast-remover', path], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  const exited = new Promise<void>((resolve) => {
    remover.once('exit', () => resolve());
    remover.once('error', () => resolve());
  });
  const release = async (): Promise<void> => {
    remover.stdin.end();
    await exited;
  };
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    // It would keep this process alive.
    await release();
    throw error;
  }
  return {
    path,
    handOver: () => writeFileSync(join(path, '.handed-over'), ''),
    async close() {
      await release();
      await rm(path, { recursive: true, force: true });
    },
  };
}
