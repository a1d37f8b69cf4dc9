import { randomUUID } from 'node:crypto';
import {
  requireBoolean,
  requireFunction,
  requireInteger,
  requireOptionGroup,
  requireOptions,
  requireText,
  systemClock,
  type Clock,
  type OptionNames,
} from '@holdfast/internal';
import { requireAboveZero } from '../require-above-zero.ts';
import { requirePort } from '../require-port.ts';
import type { PgClientLike } from './ports.ts';

export interface PostgresShardsOptions {
  /**
   * Makes a connection of the shards' own, `() => new pg.Client(config)`, at the start and after each loss: a pool that is
   * busy with other work must not cost the lease. What is no client, such as a pool, is refused with a `TypeError` by
   * `start()`, or in the event `error` of static shards.
   */
  readonly createClient: () => PgClientLike;
  /** The instances that share their zones name the same one. */
  readonly group: string;
  /**
   * Who this is, the same after a restart (the name of a pod in a StatefulSet), and no other process at the same time.
   * Default: a random one, which nobody waits for after `close()`.
   */
  readonly memberId?: string | undefined;
  /** Its share of the shards is in proportion to it; above 0. Default 1. */
  readonly weight?: number | undefined;
  /** How many shards there are, the same in all instances; from 1 to 65 536. Default 1 024. */
  readonly shards?: number | undefined;
  readonly lease?: ShardLeaseOptions | undefined;
  /** Longest time for which the shards of an instance are kept for it after `close()`. Default 20 000; 0 without a `memberId`. */
  readonly rejoinGraceMs?: number | undefined;
  /** Most shards that are given back in one round. Default: the mean share of a member. */
  readonly maxMovesPerRound?: number | undefined;
  /** A plain name. Default `holdfast_zones`. */
  readonly schema?: string | undefined;
  /** Whether `start()` may make what is missing of the schema. Default true; else see `postgresShardsStatements`. */
  readonly install?: boolean | undefined;
  readonly clock?: Clock | undefined;
}

/** Times of a lease, milliseconds. */
export interface ShardLeaseOptions {
  /** How long shards stay with an instance that is not heard of, from 100. Default 15 000. */
  readonly ttlMs?: number | undefined;
  /** From one renewal to the next. Default: a third of `ttlMs`. */
  readonly renewMs?: number | undefined;
  /** By how much earlier than the server the instance itself stops to trust in the lease. Default: a fifteenth of `ttlMs`. */
  readonly safetyMs?: number | undefined;
  /** For how long the set of instances must not have changed before shards move. Default: a third of `ttlMs`. */
  readonly settleMs?: number | undefined;
}

export interface ResolvedShardsOptions {
  readonly createClient: () => PgClientLike;
  readonly group: string;
  readonly memberId: string;
  readonly weight: number;
  readonly shards: number;
  readonly ttlMs: number;
  readonly renewMs: number;
  readonly safetyMs: number;
  readonly settleMs: number;
  readonly rejoinGraceMs: number;
  readonly maxMovesPerRound: number | undefined;
  readonly schema: string;
  readonly mayInstall: boolean;
  readonly clock: Clock;
}

const NAMES: OptionNames<PostgresShardsOptions> = {
  createClient: true,
  group: true,
  memberId: true,
  weight: true,
  shards: true,
  lease: true,
  rejoinGraceMs: true,
  maxMovesPerRound: true,
  schema: true,
  install: true,
  clock: true,
};

/** @throws {TypeError | RangeError} when an option is missing, unknown or wrong. */
export function resolveShardsOptions(options: PostgresShardsOptions): ResolvedShardsOptions {
  requireOptions('postgresShards', options, NAMES);
  const {
    memberId,
    maxMovesPerRound,
    rejoinGraceMs = memberId === undefined ? 0 : 20_000,
  } = options;
  return Object.freeze({
    createClient: requireFunction('createClient', options.createClient),
    group: requireText('group', options.group),
    memberId: memberId === undefined ? randomUUID() : requireText('memberId', memberId),
    weight: requireAboveZero('weight', options.weight ?? 1),
    shards: requireInteger('shards', options.shards ?? 1024, { min: 1, max: 65_536 }),
    ...resolveLease(options.lease ?? {}),
    rejoinGraceMs: requireInteger('rejoinGraceMs', rejoinGraceMs, { min: 0, max: MAX_MS }),
    maxMovesPerRound:
      maxMovesPerRound === undefined
        ? undefined
        : requireInteger('maxMovesPerRound', maxMovesPerRound, { min: 1 }),
    schema: requireSchema(options.schema),
    mayInstall: requireBoolean('install', options.install ?? true),
    clock: requirePort('clock', options.clock ?? systemClock, ['now', 'wallNow', 'setTimer']),
  });
}

const MAX_MS = 2 ** 31 - 1;

type LeaseTimes = Pick<ResolvedShardsOptions, 'ttlMs' | 'renewMs' | 'safetyMs' | 'settleMs'>;

function resolveLease(lease: ShardLeaseOptions): LeaseTimes {
  requireOptionGroup('lease', lease, {
    ttlMs: true,
    renewMs: true,
    safetyMs: true,
    settleMs: true,
  });
  const ttlMs = requireInteger('lease.ttlMs', lease.ttlMs ?? 15_000, { min: 100, max: MAX_MS });
  const third = Math.floor(ttlMs / 3);
  const safetyMs = requireInteger('lease.safetyMs', lease.safetyMs ?? Math.ceil(ttlMs / 15), {
    min: 1,
    max: third,
  });
  return {
    ttlMs,
    safetyMs,
    // So that one can fail, and the next one comes in time.
    renewMs: requireInteger('lease.renewMs', lease.renewMs ?? third, {
      min: 10,
      max: Math.floor((ttlMs - safetyMs) / 2),
    }),
    settleMs: requireInteger('lease.settleMs', lease.settleMs ?? third, { min: 0, max: MAX_MS }),
  };
}

const DEFAULT_SCHEMA = 'holdfast_zones';

/** A plain name, since it stands in the texts of functions. @throws {TypeError} */
export function requireSchema(schema: string = DEFAULT_SCHEMA): string {
  if (/^[A-Za-z_][A-Za-z0-9_]{0,62}$/.test(requireText('schema', schema))) return schema;
  throw new TypeError(`schema must be a plain name, got ${JSON.stringify(schema)}`);
}
