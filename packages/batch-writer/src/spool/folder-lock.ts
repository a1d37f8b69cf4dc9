import { createHash, randomUUID } from 'node:crypto';
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
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
  if (!take(path)) throw new SpoolLockedError(dir);
  return () => rmSync(path, { force: true });
}

/**
 * Makes the file, or takes it over from a process that is gone; false when another one has it. Of those that find the same file
 * left behind, the one that has a lock named after its content takes it over, and only if it still has that content: nobody
 * else may change it, and no two files have the same. So nobody takes away what another one has just taken over.
 */
function take(path: string): boolean {
  const id = randomUUID();
  // Written under another name, so that the lock is never there without its content.
  const written = `${path}.${id}.new`;
  writeFileSync(written, `${process.pid} ${startOf(process.pid) ?? ''} ${id}`, { mode: 0o600 });
  try {
    for (;;) {
      if (wasLinked(written, path)) return true;
      const found = contentOf(path);
      // Given back meanwhile.
      if (found === undefined) continue;
      if (isAlive(found)) return false;
      const turn = `${path}.${createHash('sha256').update(found).digest('hex').slice(0, 16)}`;
      if (!take(turn)) return false;
      try {
        if (contentOf(path) === found) {
          renameSync(written, path);
          return true;
        }
      } finally {
        rmSync(turn, { force: true });
      }
    }
  } finally {
    rmSync(written, { force: true });
  }
}

/** False when there is a file of that name. */
function wasLinked(written: string, path: string): boolean {
  try {
    linkSync(written, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function contentOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function isAlive(content: string): boolean {
  const [pid = '', start = ''] = content.split(' ');
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
