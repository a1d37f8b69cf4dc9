import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { QueueStore } from '@holdfast/sync-queue';
import { redisStore } from '@holdfast/sync-queue/redis';
import { sqliteStore } from '@holdfast/sync-queue/sqlite';
import { Redis } from 'ioredis';
import { startEmbeddedBroker } from '../embedded/broker.ts';
import { startEmbeddedPostgres } from '../embedded/postgres.ts';
import { createTemporaryFolder } from '../embedded/temporary-folder.ts';
import { cannotConnect, OperatorError, reasonOf } from '../system/operator-error.ts';

export interface Server {
  readonly url: string;
  close(): Promise<void>;
}

const external = (url: string): Server => ({ url, close: () => Promise.resolve() });

export async function postgresServer(url: string | undefined): Promise<Server> {
  if (url !== undefined) return external(url);
  try {
    return await startEmbeddedPostgres();
  } catch (error) {
    const message = `cannot start the embedded PostgreSQL: ${reasonOf(error)}`;
    throw new OperatorError(message, { cause: error });
  }
}

export function mqttServer(url: string | undefined): Promise<Server> {
  return url === undefined ? startEmbeddedBroker() : Promise.resolve(external(url));
}

export interface IngestStore {
  readonly store: QueueStore;
  close(): Promise<void>;
}

/**
 * The ingest queue's store: Redis where a URL is given, else an encrypted SQLite file. Closing removes what the run named
 * `root` has left there.
 */
export function ingestStore(
  redisUrl: string | undefined,
  root: string,
  onError: (error: Error) => void,
): Promise<IngestStore> {
  return redisUrl === undefined ? embeddedStore() : connectRedisStore(redisUrl, root, onError);
}

async function embeddedStore(): Promise<IngestStore> {
  const folder = await createTemporaryFolder('holdfast-queue-');
  // The key lives as long as the file: nobody else needs to read it.
  const store = sqliteStore({
    path: join(folder.path, 'ingest.db'),
    encryptionKey: randomBytes(32).toString('hex'),
  });
  return {
    store,
    close: () => folder.close(),
  };
}

/** A command that takes longer has failed; the queue's own retry decides what happens next. */
const REDIS_COMMAND_TIMEOUT_MS = 5_000;

async function connectRedisStore(
  url: string,
  root: string,
  onError: (error: Error) => void,
): Promise<IngestStore> {
  const client = new Redis(url, {
    lazyConnect: true,
    connectTimeout: 5_000,
    commandTimeout: REDIS_COMMAND_TIMEOUT_MS,
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
  });
  let isConnected = false;
  let firstError: unknown;
  client.on('error', (error: Error) => {
    if (isConnected) onError(error);
    else firstError ??= error;
  });
  try {
    // Resolves when the client is ready for commands.
    await client.connect();
    await client.ping();
    // Of a database number that there is not it only tells, and goes on with database 0.
    if (firstError !== undefined) throw firstError;
  } catch (error) {
    client.disconnect();
    throw cannotConnect('Redis', url, firstError ?? error);
  }
  isConnected = true;
  return {
    store: redisStore({ client }),
    async close() {
      await removeKeys(client, root);
      await client.quit();
    },
  };
}

/** The queue of a run is of no use after it. `root` holds nothing that is special in a pattern. */
async function removeKeys(client: Redis, root: string): Promise<void> {
  for await (const found of client.scanStream({ match: `*${root}/*`, count: 1_000 })) {
    const keys = found as string[];
    if (keys.length > 0) await client.unlink(keys);
  }
}
