import {
  requireFunction,
  requireInteger,
  requireObject,
  requireOneOf,
  requireOptionGroup,
  requireOptions,
  systemClock,
  systemRandom,
  type Random,
} from '@holdfast/internal';
import { StoreEvictsError } from '../errors.ts';
import { requireStorableText } from '../require-storable-text.ts';
import type { QueueStore, StoredQueue } from '../store.ts';
import { requireDurable, type RedisDurability } from './durability.ts';
import type { RedisPlace } from './keys.ts';
import { RedisQueue } from './redis-queue.ts';
import { redisFailure, Script, type RedisLike } from './run-script.ts';
import { ShardedQueue, type ShardedQueueOptions } from './sharded-queue.ts';
import { createReasoning } from './why-unreachable.ts';

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
  /**
   * Slots of a Cluster over which each queue is spread. Default 1. The same in every process: a queue with another number
   * is refused with `STORE_SHARDS_DIFFER` while it holds anything, and takes on the new one when it is empty.
   */
  readonly shards?: number | undefined;
  /** For tests. */
  readonly random?: Random | undefined;
}

const CONFIRM_MS = 5000;
/** A claim of an empty queue asks each. */
const MAX_SHARDS = 64;

/**
 * A store on Redis 6.2 or newer, or Valkey: one script a call; as durable as the server's append-only file.
 *
 * @throws {TypeError | RangeError} when an option is missing or wrong.
 */
export function redisStore(options: RedisStoreOptions): QueueStore {
  const names = {
    client: true,
    prefix: true,
    durability: true,
    shards: true,
    random: true,
  } as const;
  requireOptions('redisStore', options, names);
  const client = requireObject('client', options.client);
  requireFunction('client.callBuffer', (client as { readonly callBuffer: unknown }).callBuffer);
  const prefix = requirePrefix(options.prefix);
  const durability = resolveDurability(options.durability);
  const shards = requireInteger('shards', options.shards ?? 1, { min: 1, max: MAX_SHARDS });
  const { random = systemRandom } = options;
  requireFunction('random', random);
  const withReason = createReasoning(client, systemClock);
  return {
    shards,
    async open() {
      await refuseEviction(client).catch(async (error: unknown) => {
        throw await withReason(error);
      });
      // Only now: the nodes of a cluster are known when it has answered. A call without keys asks any one of them.
      for (const master of client.nodes?.('master') ?? []) await refuseEviction(master);
      // ioredis sends INFO before it is ready for other commands, and a user may lack the right to run scripts.
      await CHECK.run(client, { keys: [], args: [] });
      await requireDurable(client, durability);
    },
    close: () => Promise.resolve(),
    queue: (name, settings) =>
      redisQueue(client, { prefix, name }, { settings, durability, shards, random }),
  };
}

/** A queue on one slot, or on many. */
export function redisQueue(
  client: RedisLike,
  place: Pick<RedisPlace, 'prefix' | 'name'>,
  options: ShardedQueueOptions,
): StoredQueue {
  if (options.shards > 1) return new ShardedQueue(client, place, options);
  return new RedisQueue(client, { ...place, shard: 0 }, options);
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
