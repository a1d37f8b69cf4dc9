import type { ServerKind } from './server-kind.ts';

const PROBE_TIMEOUT_MS = 2_000;

/**
 * Resolves when the server at `url` has answered a real request of its protocol. Each driver is loaded by its first use:
 * most tests need none of them, and every test file loads this one.
 */
export const PROBES: Readonly<Record<ServerKind, (url: string) => Promise<void>>> = {
  async postgres(url) {
    const { Client } = await import('pg');
    const client = new Client({
      connectionString: url,
      connectionTimeoutMillis: PROBE_TIMEOUT_MS,
      query_timeout: PROBE_TIMEOUT_MS,
    });
    // Without a listener a connection that breaks between two steps would end the process.
    client.on('error', () => undefined);
    try {
      await client.connect();
      await client.query('SELECT 1');
    } finally {
      await client.end().catch(() => undefined);
    }
  },
  async redis(url) {
    const { Redis } = await import('ioredis');
    const client = new Redis(url, {
      lazyConnect: true,
      connectTimeout: PROBE_TIMEOUT_MS,
      commandTimeout: PROBE_TIMEOUT_MS,
      retryStrategy: () => null,
      maxRetriesPerRequest: 0,
    });
    client.on('error', () => undefined);
    try {
      await client.connect();
      await client.ping();
    } finally {
      client.disconnect();
    }
  },
  async mqtt(url) {
    const { connectAsync } = await import('mqtt');
    const client = await connectAsync(url, {
      reconnectPeriod: 0,
      connectTimeout: PROBE_TIMEOUT_MS,
      clean: true,
    });
    await client.endAsync(true);
  },
};
