import { execFile } from 'node:child_process';
import { chownSync, cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findPostgresPrograms, type PostgresPrograms } from '../src/programs.ts';
import { reachablePrograms } from '../src/reachable-programs.ts';

/** Nobody in particular: any user but root. */
const USER = { uid: 65_534, gid: 65_534 };
const isRoot = process.getuid?.() === 0;
let hidden: string;
let directory: string;

beforeEach(() => {
  hidden = mkdtempSync(join(tmpdir(), 'holdfast-hidden-'));
  directory = mkdtempSync(join(tmpdir(), 'holdfast-reach-'));
  if (isRoot) chownSync(directory, USER.uid, USER.gid);
});
afterEach(() => {
  for (const folder of [hidden, directory]) rmSync(folder, { recursive: true, force: true });
});

async function programsIn(folder: string): Promise<PostgresPrograms> {
  const found = await findPostgresPrograms();
  if (found === undefined) throw new Error('no PostgreSQL programs on this machine');
  cpSync(dirname(dirname(found.initdb)), join(folder, 'native'), {
    recursive: true,
    verbatimSymlinks: true,
  });
  const bin = join(folder, 'native', 'bin');
  return { initdb: join(bin, 'initdb'), postgres: join(bin, 'postgres') };
}

describe('reachablePrograms', () => {
  it.skipIf(!isRoot)(
    'copies programs that lie where only root may look (only root can set that up)',
    async () => {
      const programs = await programsIn(hidden);

      const reachable = await reachablePrograms(programs, USER, directory);

      expect(reachable.initdb.startsWith(directory)).toBe(true);
      const { stdout } = await promisify(execFile)(reachable.postgres, ['--version'], USER);
      expect(stdout).toContain('PostgreSQL');
    },
  );

  it('takes them where they are when the user of this process runs them', async () => {
    const programs = { initdb: 'anywhere/bin/initdb', postgres: 'anywhere/bin/postgres' };

    expect(await reachablePrograms(programs, undefined, directory)).toBe(programs);
  });
});
