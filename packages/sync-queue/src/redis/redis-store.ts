import {
  requireFunction,
  requireInteger,
  requireObject,
  requireOneOf,
  requireOptionGroup,
  requireOptions,
} from '@holdfast/internal';
import { StoreEvictsError } from '../errors.ts';
import { requireStorableText } from '../require-storable-text.ts';
import type { QueueStore } from '../store.ts';
import { requireDurable, type RedisDurability } from './durability.ts';
import { RedisQueue } from './redis-queue.ts';
import { redisFailure, Script, type RedisLike } from './run-script.ts';

export interface RedisStoreOptions {
  /** Yours: the store does not close it. Set `commandTimeout` and `enableOfflineQueue: false`. */
  readonly client: RedisLike;
  /** Before each key, without braces. Default `sync-queue`. */
  readonly prefix?: string | undefined;
  /** When an item counts as held. Default `ack`: the server has answered. */
  readonly durability?:
    | 'ack'
    /** It is on the server's disk: WAITAOF of Redis 7.2, before that `appendfsync always`. */
    | 'fsync'
    /** So many replicas have it, too: WAIT. */
    | { readonly replicas: number; readonly timeoutMs?: number | undefined }
    | undefined;
}

const CONFIRM_MS = 5000;

/**
 * A store on Redis 6.2 or newer, or Valkey: one script a call; as durable as the server's append-only file.
 *
 * @throws {TypeError | RangeError} when an option is missing or wrong.
 */
export function redisStore(options: RedisStoreOptions): QueueStore {
  requireOptions('redisStore', options, { client: true, prefix: true, durability: true });
  const client = requireObject('client', options.client);
  requireFunction('client.callBuffer', (client as { readonly callBuffer: unknown }).callBuffer);
  const prefix = requirePrefix(options.prefix);
  const durability = resolveDurability(options.durability);
  return {
    async open() {
      await refuseEviction(client);
      // Only now: the nodes of a cluster are known when it has answered. A call without keys asks any one of them.
      for (const master of client.nodes?.('master') ?? []) await refuseEviction(master);
      // ioredis sends INFO before it is ready for other commands, and a user may lack the right to run scripts.
      await CHECK.run(client, [], []);
      await requireDurable(client, durability);
    },
    close: () => Promise.resolve(),
    queue: (name, settings) => new RedisQueue(client, { prefix, name }, { settings, durability }),
  };
}

/** Without braces, which would end the hash tag. @throws {TypeError} */
export function requirePrefix(given = 'sync-queue'): string {
  const prefix = requireStorableText('prefix', given);
  if (/[{}]/.test(prefix)) throw new TypeError(`prefix must not hold braces, got "${prefix}"`);
  return prefix;
}

const CHECK = new Script('return 1');

function resolveDurability(durability: RedisStoreOptions['durability'] = 'ack'): RedisDurability {
  if (typeof durability === 'object') {
    requireOptionGroup('durability', durability, { replicas: true, timeoutMs: true });
    const { replicas, timeoutMs = CONFIRM_MS } = durability;
    return {
      kind: 'replica',
      replicas: requireInteger('durability.replicas', replicas, { min: 1 }),
      timeoutMs: requireInteger('durability.timeoutMs', timeoutMs, { min: 1 }),
    };
  }
  const kind = requireOneOf('durability', durability, ['ack', 'fsync']);
  return kind === 'ack' ? { kind } : { kind, timeoutMs: CONFIRM_MS, hasWaitAof: true };
}

/** INFO, because managed servers refuse CONFIG. Also volatile policies: a changed default must not matter. */
async function refuseEviction(client: RedisLike): Promise<void> {
  const info = await client.callBuffer('INFO', 'memory').catch((error: unknown) => {
    throw redisFailure(error);
  });
  const policy = /^maxmemory_policy:(\S+)/m.exec(String(info))?.[1] ?? 'unknown';
  if (policy !== 'noeviction') throw new StoreEvictsError(policy);
}
