import { once } from 'node:events';
import type { QueueStore } from '@holdfast/sync-queue';
import { redisStore } from '@holdfast/sync-queue/redis';
import { sqliteStore } from '@holdfast/sync-queue/sqlite';
import { Redis } from 'ioredis';

interface Shared {
  readonly client: Redis;
  readonly store: QueueStore;
}

/** Many machines: the server must run with `maxmemory-policy noeviction` and an append-only file. */
export async function sharedStore(url: string, log: (line: string) => void): Promise<Shared> {
  const client = new Redis(url, {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    commandTimeout: 5_000,
  });
  // It connects again by itself. The errors hold the login, so only their messages are for a log.
  client.on('error', ({ message }) => log(message));
  try {
    // Without its offline queue the client refuses calls until then. Rejects when the server is not there.
    await once(client, 'ready');
  } catch (error) {
    client.disconnect();
    throw error;
  }
  return { client, store: redisStore({ client }) };
}

/** One machine: an encrypted file that several processes may share. */
export function localStore(path: string, encryptionKey: string): QueueStore {
  return sqliteStore({ path, encryptionKey });
}
