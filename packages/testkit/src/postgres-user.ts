import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import type { User } from './reachable-programs.ts';

/** The user that servers run as which refuse to run as root; made when there is none. */
export async function postgresUser(): Promise<User> {
  const known = lookUp('postgres');
  if (known !== undefined) return known;
  await promisify(execFile)('useradd', [
    '--system',
    '--user-group',
    '--no-create-home',
    'postgres',
  ]);
  const created = lookUp('postgres');
  if (created === undefined) throw new Error('the user postgres could not be created');
  return created;
}

function lookUp(name: string): User | undefined {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith(`${name}:`));
  const [, , uid, gid] = line?.split(':') ?? [];
  return line === undefined ? undefined : { uid: Number(uid), gid: Number(gid) };
}
