import { once } from 'node:events';
import { codeOf, messageOf, OperatorError } from '@holdfast/cli-kit';
import { isHoldfastError, onAbort, systemRandom, throwIfAborted } from '@holdfast/internal';
import type { Cluster, Redis } from 'ioredis';
import { shardsOf } from '../../redis/agree-on-shards.ts';
import { namesKey, SETTINGS_FIELD, SHARDS_FIELD, stateKey } from '../../redis/keys.ts';
import { redisQueue } from '../../redis/redis-store.ts';
import type { RedisLike } from '../../redis/run-script.ts';
import type { StorePlace } from '../store-place.ts';
import type { OperatedStore } from './operated-store.ts';

type RedisPlace = Extract<StorePlace, { kind: 'redis' }>;
type Driver = Pick<typeof import('ioredis'), 'Cluster' | 'Redis'>;

const CONNECT_TIMEOUT_MS = 5_000;
const COMMAND_TIMEOUT_MS = 30_000;
/** A server that does not close its side of a connection must not hold the program. */
const DISCONNECT_TIMEOUT_MS = 100;

const OPTIONS = {
  connectTimeout: CONNECT_TIMEOUT_MS,
  commandTimeout: COMMAND_TIMEOUT_MS,
  disconnectTimeout: DISCONNECT_TIMEOUT_MS,
  maxRetriesPerRequest: 0,
  autoResendUnfulfilledCommands: false,
} as const;

/** The operator is told what is wrong; nothing is tried again. */
const GIVE_UP = (): null => null;

/** Rejects with `OperatorError` when there is no driver, the server cannot be reached, or it refuses. */
export async function withRedis<T>(
  place: RedisPlace,
  fn: (store: OperatedStore) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const driver = await loadDriver();
  const { hostname, port } = new URL(place.url);
  const server = `Redis at ${hostname}:${port || '6379'}`;
  const client = new driver.Redis(place.url, {
    ...OPTIONS,
    ...{ lazyConnect: true, enableOfflineQueue: false, retryStrategy: GIVE_UP },
  });
  let cluster: Cluster | undefined;
  const disconnect = (): void => {
    cluster?.disconnect();
    client.disconnect();
  };
  throwIfAborted(signal);
  const off = onAbort(signal, disconnect);
  try {
    await connect(client);
    // Of a Cluster, too, one node is asked first: it says what is wrong, which the client of a Cluster does not.
    if (place.isCluster) {
      cluster = clusterOf(driver, client);
      await connect(cluster);
    }
    return await fn(operatedStore(cluster ?? client, place, server));
  } catch (error) {
    if (error instanceof OperatorError) throw error;
    throw new OperatorError(explain(error, server), { cause: error });
  } finally {
    off();
    disconnect();
  }
}

function operatedStore(client: RedisLike, { prefix }: RedisPlace, label: string): OperatedStore {
  const shardsByName = new Map<string, number>();
  return {
    label,
    schemaVersion: null,
    async names() {
      const names = (await client.callBuffer('SMEMBERS', namesKey(prefix))) as Iterable<Buffer>;
      return [...names].map(String).sort();
    },
    async recorded(name) {
      const state = stateKey({ prefix, name, shard: 0 });
      const fields = await client.callBuffer('HMGET', state, SETTINGS_FIELD, SHARDS_FIELD);
      const [text, shards] = fields as (Buffer | null)[];
      shardsByName.set(name, shardsOf(shards ?? null));
      if (Buffer.isBuffer(text)) return String(text);
      return (await client.callBuffer('EXISTS', state)) === 1 ? null : undefined;
    },
    queue(name, settings) {
      const shards = shardsByName.get(name) ?? 1;
      const durability = { kind: 'ack' } as const;
      return redisQueue(
        client,
        { prefix, name },
        { settings, durability, shards, random: systemRandom },
      );
    },
  };
}

/**
 * Rejects with the first failure of the connection: what `connect` rejects with tells that it is closed, not why, and of a
 * Cluster it may not settle at all.
 */
async function connect(client: Redis | Cluster): Promise<void> {
  // Without a listener the client would print what goes wrong later.
  client.on('error', () => undefined);
  const ended = once(client, 'end').then(() => {
    throw new Error('it has closed the connection');
  });
  await Promise.race([client.connect(), ended]);
}

function clusterOf({ Cluster }: Driver, { options }: Redis): Cluster {
  const { host = '127.0.0.1', port = 6379, username, password, tls } = options;
  return new Cluster([{ host, port }], {
    lazyConnect: true,
    clusterRetryStrategy: GIVE_UP,
    enableOfflineQueue: false,
    redisOptions: {
      ...OPTIONS,
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
      ...(tls === undefined ? {} : { tls }),
    },
  });
}

/** While the program runs and not before: `ioredis` is an optional peer. */
async function loadDriver(): Promise<Driver> {
  try {
    return await import('ioredis');
  } catch (error) {
    if (codeOf(error) !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new OperatorError('the package ioredis is not installed: npm install ioredis', {
      cause: error,
    });
  }
}

/** In one sentence, without credentials. */
function explain(error: unknown, server: string): string {
  const cause = isHoldfastError(error, 'STORE_FAILED') ? error.cause : error;
  const { lastNodeError = cause } = cause as { readonly lastNodeError?: unknown };
  const message = messageOf(lastNodeError);
  if (/^(NOAUTH|WRONGPASS|ERR AUTH|ERR invalid password)/.test(message)) {
    return `${server} refused the login: is the password right?`;
  }
  if (/^(MOVED|ASK) /.test(message)) return `${server} is a node of a Cluster: add --cluster`;
  if (message.includes('cluster support disabled')) return `${server} is no Cluster`;
  if (/ETIMEDOUT|timed out/.test(message)) return `${server} did not answer in time`;
  if (cause instanceof Error && cause.name === 'ReplyError') return `${server} says: ${message}`;
  return `cannot reach ${server}: ${codeOf(cause) ?? message}`;
}
