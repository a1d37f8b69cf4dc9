import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PROBES } from './probes.ts';
import { requireProgram } from './require-program.ts';
import { startServerProcess, type ServerProcess } from './server-process.ts';
import { processDirectory } from './watchdog.ts';

export interface MosquittoServerOptions {
  /** True: sessions and queued messages survive a stop (they are written when it stops, not when it is killed). Default false. */
  readonly persistence?: boolean | undefined;
  /** Further lines of mosquitto.conf, for example `{ max_queued_messages: '10' }`. */
  readonly settings?: Readonly<Record<string, string>> | undefined;
}

/**
 * Starts a Mosquitto broker of its own from the program on this machine, loopback only, anonymous clients.
 *
 * @throws when there is no program, or when the broker does not start.
 */
export async function startMosquittoServer(
  options: MosquittoServerOptions = {},
): Promise<ServerProcess> {
  const program = await requireProgram('mqtt', 'mosquitto');
  const directory = mkdtempSync(join(processDirectory(), 'mosquitto-'));
  const config = join(directory, 'mosquitto.conf');
  return startServerProcess({
    name: 'Mosquitto',
    directory,
    stopSignal: 'SIGTERM',
    urlOf: (port) => `mqtt://127.0.0.1:${port}`,
    commandFor: (port) => {
      const settings: Record<string, string> = {
        listener: `${port} 127.0.0.1`,
        allow_anonymous: 'true',
        persistence: String(options.persistence === true),
        persistence_location: `${directory}/`,
        log_dest: 'stderr',
        // As root it would become another user, who may not write here.
        ...(process.getuid?.() === 0 ? { user: 'root' } : {}),
        ...options.settings,
      };
      const lines = Object.entries(settings).map(([name, value]) => `${name} ${value}`);
      writeFileSync(config, `${lines.join('\n')}\n`);
      return { program, args: ['-c', config], cwd: directory };
    },
    probe: PROBES.mqtt,
  });
}
