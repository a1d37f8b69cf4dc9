import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { quoteIdentifier } from '@holdfast/internal';
import type { Pool, PoolConfig } from 'pg';
import { useServer } from './shared-server.ts';

/** An empty database of a test's own on a real PostgreSQL server. */
export interface TestDatabase {
  readonly url: string;
  /** A pool on the database, with up to 10 connections; ended by `close()`. */
  readonly pool: Pool;
  /** A further pool on the database; ended by `close()`. */
  createPool(config?: PoolConfig): Pool;
  /** Ends the pools and drops the database, also when somebody is still connected. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** How long `close()` waits for connections that a test has not given back. */
const POOL_END_TIMEOUT_MS = 500;

/** @throws when there is no PostgreSQL server (see `findServer`). */
export async function createTestDatabase(): Promise<TestDatabase> {
  const server = await useServer('postgres');
  const { Pool } = await import('pg');
  const name = `holdfast_${process.pid}_${randomBytes(5).toString('hex')}`;
  // From template0, so that encoding and order are the same on every server, whatever its own are.
  const like = `TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'`;
  await onServer(server.url, `CREATE DATABASE ${quoteIdentifier(name)} ${like}`);
  const url = new URL(server.url);
  url.pathname = `/${name}`;

  const pools: Pool[] = [];
  const createPool = (config: PoolConfig = {}): Pool => {
    const pool = new Pool({ connectionString: url.href, ...config });
    // An idle connection that a test's fault kills must not end the test process.
    pool.on('error', () => undefined);
    pools.push(pool);
    return pool;
  };

  const closeNow = async (): Promise<void> => {
    const ended = Promise.allSettled(pools.map((pool) => endOnce(pool)));
    // A connection that was never given back keeps its pool from ending; the drop below cuts it.
    const giveUp = new AbortController();
    const timeout = delay(POOL_END_TIMEOUT_MS, undefined, { signal: giveUp.signal });
    await Promise.race([ended, timeout.catch(() => undefined)]);
    giveUp.abort();
    await onServer(server.url, `DROP DATABASE IF EXISTS ${quoteIdentifier(name)} WITH (FORCE)`);
    await server.close();
  };
  let closed: Promise<void> | undefined;
  const close = (): Promise<void> => (closed ??= closeNow());

  return { url: url.href, pool: createPool(), createPool, close, [Symbol.asyncDispose]: close };
}

async function onServer(url: string, statement: string): Promise<void> {
  const { Client } = await import('pg');
  const client = new Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** `pool.end()` rejects when a test has called it before. */
async function endOnce(pool: Pool): Promise<void> {
  await pool.end().catch(() => undefined);
}
