import { chownSync, mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { postgresUser } from './postgres-user.ts';
import { PROBES } from './probes.ts';
import { requireProgram } from './require-program.ts';
import { startServerProcess, type ServerProcess } from './server-process.ts';
import { processDirectory } from './watchdog.ts';

export interface PgbouncerServerOptions {
  /** When a session of the server goes back to the pool. */
  readonly mode: 'session' | 'transaction';
  /** Sessions that it holds open to the server, at most. Default 20. */
  readonly poolSize?: number | undefined;
}

/**
 * Starts a PgBouncer of its own in front of the database at `url`, from the program on this machine: loopback only, no
 * password. Its own `url` leads to the same database.
 *
 * @throws when there is no program, or when the pooler does not start.
 */
export async function startPgbouncerServer(
  url: string,
  { mode, poolSize = 20 }: PgbouncerServerOptions,
): Promise<ServerProcess> {
  const program = await requireProgram('pgbouncer', 'pgbouncer');
  // PgBouncer refuses to run as root.
  const user = process.getuid?.() === 0 ? await postgresUser() : undefined;
  const directory = mkdtempSync(join(processDirectory(), 'pgbouncer-'));
  if (user !== undefined) chownSync(directory, user.uid, user.gid);
  const config = join(directory, 'pgbouncer.ini');
  const { hostname, port: serverPort, pathname, username, password } = new URL(url);
  const database = decodeURIComponent(pathname.slice(1));
  const login = [`user=${decodeURIComponent(username)}`];
  if (password !== '') login.push(`password=${decodeURIComponent(password)}`);
  return startServerProcess({
    name: 'PgBouncer',
    directory,
    // At once, without waiting for clients to leave.
    stopSignal: 'SIGTERM',
    urlOf: (port) => `postgres://${username}@127.0.0.1:${port}${pathname}`,
    commandFor: (port) => {
      const lines = [
        '[databases]',
        `${database} = host=${hostname} port=${serverPort} dbname=${database} ${login.join(' ')}`,
        '[pgbouncer]',
        ...['listen_addr = 127.0.0.1', `listen_port = ${port}`, 'unix_socket_dir ='],
        ...['auth_type = any', `pool_mode = ${mode}`, `default_pool_size = ${poolSize}`],
        ...['max_client_conn = 1000', 'server_idle_timeout = 600', 'query_wait_timeout = 30'],
        'server_login_retry = 1',
        'ignore_startup_parameters = extra_float_digits,options',
      ];
      writeFileSync(config, `${lines.join('\n')}\n`);
      return { program, args: [config], cwd: directory, ...user };
    },
    probe: PROBES.postgres,
  });
}
