import {
  requireFunction,
  requireInteger,
  requireObject,
  requireOneOf,
  requireOptionGroup,
  requireOptions,
  requireText,
  systemClock,
  systemRandom,
  type Clock,
  type OptionNames,
  type Random,
} from '@holdfast/internal';
import type { CircuitBreakerOptions } from '../circuit-breaker/options.ts';
import { redisErrors } from './redis-errors.ts';
import type { RedisClient } from './redis-client.ts';

export interface RedisGuardOptions {
  /** Names the guard in errors and in the snapshot. Default `redis`. */
  readonly name?: string | undefined;
  /**
   * In front of every key, in place of the client's `keyPrefix`. What is under it belongs to guards with this prefix.
   * Default `cache:`.
   */
  readonly prefix?: string | undefined;
  /** No call waits longer, milliseconds; at least 1. Default 500. */
  readonly timeoutMs?: number | undefined;
  /** Rules of the circuit breaker around the commands that are sent. Default: its defaults, and `redisErrors`. */
  readonly breaker?: Omit<CircuitBreakerOptions, 'clock' | 'random'> | undefined;
  /**
   * What a read gives while Redis cannot answer. `miss`: null. `local`: what this process has last read, loaded or
   * written (when that was applied), at most `local.ttlMs` ago and no longer than its own `ttlMs`, or null; nothing that
   * was seen deleted. `throw`: rejects. Default `miss`, with `local` options `local`.
   */
  readonly onDown?: 'miss' | 'local' | 'throw' | undefined;
  /** Keeps the last values of this process, for `onDown: 'local'` and for `getOrLoad` when the loader fails. */
  readonly local?:
    | {
        /** The least recently used go first; at least 1. Default 1 000. */
        readonly maxEntries?: number | undefined;
        /** Milliseconds; at least 1. Default 60 000. */
        readonly ttlMs?: number | undefined;
      }
    | undefined;
  /**
   * What `set` and `del` do when they are not known to have been applied. `invalidate-later`: resolve with what is
   * known; the key misses from then on until it has been deleted. `drop`: resolve with what is known; an old value may
   * be read later. `throw`: reject. Default `invalidate-later`.
   */
  readonly writes?: 'drop' | 'invalidate-later' | 'throw' | undefined;
  /**
   * So many keys are remembered by `invalidate-later`; at least 1. One more, and everything under the prefix is deleted
   * before it is read again. Default 10 000.
   */
  readonly maxInvalidations?: number | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: Random | undefined;
}

export interface ResolvedRedisGuardOptions {
  readonly name: string;
  readonly prefix: string;
  readonly timeoutMs: number;
  readonly breaker: CircuitBreakerOptions;
  readonly onDown: 'miss' | 'local' | 'throw';
  readonly local: { readonly maxEntries: number; readonly ttlMs: number } | undefined;
  readonly writes: 'drop' | 'invalidate-later' | 'throw';
  readonly maxInvalidations: number;
  readonly clock: Clock;
  readonly random: Random;
}

const NAMES: OptionNames<RedisGuardOptions> = {
  name: true,
  prefix: true,
  timeoutMs: true,
  breaker: true,
  onDown: true,
  local: true,
  writes: true,
  maxInvalidations: true,
  clock: true,
  random: true,
};

const BREAKER_NAMES: OptionNames<NonNullable<RedisGuardOptions['breaker']>> = {
  name: true,
  trip: true,
  openMs: true,
  halfOpen: true,
  rampMs: true,
  mode: true,
  classify: true,
  restore: true,
};

const LOCAL_NAMES: OptionNames<NonNullable<RedisGuardOptions['local']>> = {
  maxEntries: true,
  ttlMs: true,
};

/** @throws {TypeError | RangeError} when an option is wrong. */
export function resolveRedisGuardOptions(options: RedisGuardOptions): ResolvedRedisGuardOptions {
  requireOptions('guardRedis', options, NAMES);
  const name = requireText('name', options.name ?? 'redis');
  const clock = requireObject('clock', options.clock ?? systemClock);
  const random = requireFunction('random', options.random ?? systemRandom);
  const breaker = requireOptionGroup('breaker', options.breaker ?? {}, BREAKER_NAMES);
  const isLocal = options.local !== undefined || options.onDown === 'local';
  return Object.freeze({
    name,
    prefix: requireText('prefix', options.prefix ?? 'cache:'),
    timeoutMs: requireInteger('timeoutMs', options.timeoutMs ?? 500, { min: 1 }),
    breaker: { name, classify: redisErrors, ...breaker, clock, random },
    onDown: requireOneOf('onDown', options.onDown ?? (isLocal ? 'local' : 'miss'), [
      'miss',
      'local',
      'throw',
    ]),
    local: isLocal ? resolveLocal(options.local ?? {}) : undefined,
    writes: requireOneOf('writes', options.writes ?? 'invalidate-later', [
      'drop',
      'invalidate-later',
      'throw',
    ]),
    maxInvalidations: requireInteger('maxInvalidations', options.maxInvalidations ?? 10_000, {
      min: 1,
    }),
    clock,
    random,
  });
}

function resolveLocal(
  local: NonNullable<RedisGuardOptions['local']>,
): NonNullable<ResolvedRedisGuardOptions['local']> {
  requireOptionGroup('local', local, LOCAL_NAMES);
  return {
    maxEntries: requireInteger('local.maxEntries', local.maxEntries ?? 1_000, { min: 1 }),
    ttlMs: requireInteger('local.ttlMs', local.ttlMs ?? 60_000, { min: 1 }),
  };
}

/**
 * The guard must own its connection: a shared one could queue, resend or keep commands behind its back.
 *
 * @throws {TypeError} unless `client` is one that can be duplicated, and no cluster.
 */
export function requireClient(client: RedisClient): RedisClient {
  requireObject('client', client);
  const { isCluster, duplicate } = client as Partial<RedisClient>;
  if (isCluster === true) throw new TypeError('client must be a Redis client, got a Cluster');
  requireFunction('client.duplicate', duplicate);
  return client;
}
