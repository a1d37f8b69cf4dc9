import { execFile } from 'node:child_process';
import { cp } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { PostgresPrograms } from './programs.ts';

export interface User {
  readonly uid: number;
  readonly gid: number;
}

const run = promisify(execFile);

/**
 * The programs as `user` can run them: copied into `directory` when they lie where only root may look, as in a checkout
 * below root's home.
 */
export async function reachablePrograms(
  programs: PostgresPrograms,
  user: User | undefined,
  directory: string,
): Promise<PostgresPrograms> {
  if (user === undefined) return programs;
  try {
    await run(programs.initdb, ['--version'], { ...user, cwd: directory });
    return programs;
  } catch {
    // The programs find their libraries beside their own folder, so that whole folder comes along.
    const bin = dirname(programs.initdb);
    const copy = join(directory, 'native');
    await cp(dirname(bin), copy, { recursive: true, verbatimSymlinks: true });
    await run('chown', ['-R', `${user.uid}:${user.gid}`, copy]);
    const copied = (program: string): string => join(copy, basename(bin), basename(program));
    return { initdb: copied(programs.initdb), postgres: copied(programs.postgres) };
  }
}
