import { setTimeout as delay } from 'node:timers/promises';
import { OWNER_LABEL, startContainerReaper } from './container-reaper.ts';
import { PROBES } from './probes.ts';
import type { FoundServer, ServerKind } from './server-kind.ts';

interface ContainerSpec {
  readonly port: number;
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly readyMessage: RegExp;
  readonly urlOf: (host: string, port: number) => string;
}

const SPECS: Readonly<Record<ServerKind, ContainerSpec>> = {
  postgres: {
    port: 5432,
    command: ['postgres', '-c', 'fsync=off', '-c', 'max_connections=200'],
    environment: { POSTGRES_PASSWORD: 'holdfast' },
    readyMessage: /ready to accept connections/,
    urlOf: (host, port) => `postgres://postgres:holdfast@${host}:${port}/postgres`,
  },
  redis: {
    port: 6379,
    command: ['redis-server', '--save', '', '--protected-mode', 'no'],
    environment: {},
    readyMessage: /Ready to accept connections/,
    urlOf: (host, port) => `redis://${host}:${port}`,
  },
  mqtt: {
    port: 1883,
    // Without a configuration Mosquitto 2 listens on the container's loopback only.
    command: [
      'sh',
      '-c',
      "printf 'listener 1883\\nallow_anonymous true\\n' >/tmp/m.conf && exec mosquitto -c /tmp/m.conf",
    ],
    environment: {},
    readyMessage: /mosquitto version .* running/,
    urlOf: (host, port) => `mqtt://${host}:${port}`,
  },
};

const START_TIMEOUT_MS = 120_000;

/**
 * Starts a server in a container and waits until it answers from here: checks inside the container are not used,
 * because not every engine can run them.
 *
 * @throws when it does not answer within two minutes.
 */
export async function startServerContainer(kind: ServerKind, image: string): Promise<FoundServer> {
  // Our own reaper does this work, and must be told before testcontainers reads the variable.
  process.env['TESTCONTAINERS_RYUK_DISABLED'] ??= 'true';
  // Loaded only by runs that use containers, for it is large.
  const { GenericContainer, Wait } = await import('testcontainers');
  const spec = SPECS[kind];
  const reaper = startContainerReaper();
  try {
    const container = await new GenericContainer(image)
      .withCommand([...spec.command])
      .withEnvironment(spec.environment)
      .withExposedPorts(spec.port)
      .withLabels({ [OWNER_LABEL]: reaper.id })
      .withWaitStrategy(Wait.forLogMessage(spec.readyMessage))
      .withStartupTimeout(START_TIMEOUT_MS)
      .start();
    const url = spec.urlOf(container.getHost(), container.getMappedPort(spec.port));
    await waitUntilAnswering(kind, url);
    return {
      url,
      how: `a container of ${image}`,
      async close() {
        await container.stop();
        await reaper.close();
      },
    };
  } catch (error) {
    await reaper.close();
    throw new Error(`a container of ${image} did not come up`, { cause: error });
  }
}

async function waitUntilAnswering(kind: ServerKind, url: string): Promise<void> {
  const deadlineMs = performance.now() + START_TIMEOUT_MS;
  for (;;) {
    try {
      await PROBES[kind](url);
      return;
    } catch (error) {
      if (performance.now() > deadlineMs) throw error;
      await delay(50);
    }
  }
}
