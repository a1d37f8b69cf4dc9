import { randomBytes } from 'node:crypto';
import type { Redis, RedisOptions } from 'ioredis';
import { useServer } from './shared-server.ts';

/** A key prefix of a test's own on a real Redis server. */
export interface TestRedis {
  readonly url: string;
  /** Put it in front of every key. It holds no braces (hash tags) and nothing that is special in a pattern. */
  readonly prefix: string;
  /** A client with ioredis's defaults and `options`; disconnected by `close()`. */
  createClient(options?: RedisOptions): Redis;
  /** Deletes the prefix's keys and disconnects the clients. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** @throws when there is no Redis server (see `findServer`). */
export async function createTestRedis(): Promise<TestRedis> {
  const server = await useServer('redis');
  const { Redis } = await import('ioredis');
  const prefix = `hf-${process.pid}-${randomBytes(5).toString('hex')}:`;
  const clients: Redis[] = [];
  const createClient = (options: RedisOptions = {}): Redis => {
    const client = new Redis(server.url, { ...options, replyMapping: 'legacy' });
    // ioredis prints errors that nobody listens to; a test's fault is no news.
    client.on('error', () => undefined);
    clients.push(client);
    return client;
  };

  const closeNow = async (): Promise<void> => {
    for (const client of clients) client.disconnect();
    const cleaner = new Redis(server.url);
    try {
      for await (const keys of cleaner.scanStream({ match: `*${prefix}*`, count: 1000 })) {
        const batch = keys as string[];
        if (batch.length > 0) await cleaner.unlink(batch);
      }
    } finally {
      cleaner.disconnect();
    }
    await server.close();
  };
  let closed: Promise<void> | undefined;
  const close = (): Promise<void> => (closed ??= closeNow());

  return { url: server.url, prefix, createClient, close, [Symbol.asyncDispose]: close };
}
