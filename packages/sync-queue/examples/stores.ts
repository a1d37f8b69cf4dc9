import type { QueueStore } from '@holdfast/sync-queue';
import { redisStore } from '@holdfast/sync-queue/redis';
import { sqliteStore } from '@holdfast/sync-queue/sqlite';
import { Redis } from 'ioredis';

/** Many machines: the server must run with `maxmemory-policy noeviction` and an append-only file. */
export function sharedStore(url: string): { readonly client: Redis; readonly store: QueueStore } {
  const client = new Redis(url, {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    commandTimeout: 5_000,
  });
  return { client, store: redisStore({ client }) };
}

/** One machine: an encrypted file that several processes may share. */
export function localStore(path: string, encryptionKey: string): QueueStore {
  return sqliteStore({ path, encryptionKey });
}
