import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { PROBES } from './probes.ts';
import { requireProgram } from './require-program.ts';
import { startServerProcess, type ServerProcess } from './server-process.ts';
import { processDirectory } from './watchdog.ts';

export interface RedisServerOptions {
  /** Name of the program. Default `redis-server`; Valkey's is `valkey-server`. */
  readonly program?: string | undefined;
  /** True: an append-only file, written before each answer, so that even a killed server keeps its data. Default false: data lives in memory only. */
  readonly appendonly?: boolean | undefined;
  /** Further settings of redis.conf, for example `{ maxmemory: '10mb' }`. */
  readonly settings?: Readonly<Record<string, string>> | undefined;
}

/**
 * Starts a Redis server of its own from the program on this machine, loopback only, without a password.
 *
 * @throws when there is no program, or when the server does not start.
 */
export async function startRedisServer(options: RedisServerOptions = {}): Promise<ServerProcess> {
  const program = await requireProgram('redis', options.program ?? 'redis-server');
  const directory = mkdtempSync(join(processDirectory(), 'redis-'));
  const settings: Record<string, string> = {
    bind: '127.0.0.1',
    dir: directory,
    save: '',
    appendonly: options.appendonly === true ? 'yes' : 'no',
    appendfsync: 'always',
    ...options.settings,
  };
  return startServerProcess({
    name: 'Redis',
    directory,
    stopSignal: 'SIGTERM',
    urlOf: (port) => `redis://127.0.0.1:${port}`,
    commandFor: (port) => ({
      program,
      args: [
        ...['--port', String(port)],
        ...Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]),
      ],
      cwd: directory,
    }),
    probe: PROBES.redis,
  });
}
