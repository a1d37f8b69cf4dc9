import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SpoolLockedError } from '../errors.ts';

const NAME = 'lock';

/**
 * Takes a folder for this writer until the returned function is called or the process ends. The file names the process and
 * when it was started, so that one left behind by a process that is gone does not count, whoever has its number now.
 *
 * @throws {SpoolLockedError} when another writer has it.
 */
export function lockFolder(dir: string): () => void {
  const path = join(dir, NAME);
  // Written under another name, so that the lock is never there without its content.
  const written = `${path}.${process.pid}.tmp`;
  writeFileSync(written, `${process.pid} ${startOf(process.pid) ?? ''}`, { mode: 0o600 });
  try {
    for (;;) {
      try {
        linkSync(written, path);
        return () => rmSync(path, { force: true });
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
        if (isAlive(path)) throw new SpoolLockedError(dir);
        rmSync(path, { force: true });
      }
    }
  } finally {
    rmSync(written, { force: true });
  }
}

function isAlive(path: string): boolean {
  const [pid = '', start = ''] = readFileSync(path, 'utf8').split(' ');
  // A crash of the machine may have taken its content.
  if (pid === '') return false;
  try {
    process.kill(Number(pid), 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  return start === '' || start === startOf(Number(pid));
}

/** When a process was started, in ticks since the machine was; undefined where there is no /proc (man 5 proc, stat, field 22). */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // Its name, in parentheses, may hold blanks.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}
