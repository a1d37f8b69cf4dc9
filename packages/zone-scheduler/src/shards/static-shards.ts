import { requireInteger, requireObject, requireOptions } from '@holdfast/internal';
import { ShardSettingsError } from '../errors.ts';
import { requirePort } from '../require-port.ts';
import type { ShardRegistry } from '../shard-registry.ts';
import type { Shards } from '../shards.ts';
import { createFixedShards } from './fixed-shards.ts';
import { hashText } from './hash.ts';
import { toContenders, winnerOf } from './rendezvous.ts';

/** The variables of a process; `process.env` has this shape. */
export type Environment = Readonly<Record<string, string | undefined>>;

export interface StaticShardsOptions {
  /** Which of the instances this is, from 0 to `total` - 1. Default: `ZONE_SHARD_ID` in `env`, or the ordinal in its `HOSTNAME`. */
  readonly id?: number | undefined;
  /** How many instances there are, from 1 to 10 000. Default: `ZONE_SHARD_TOTAL` in `env`. */
  readonly total?: number | undefined;
  /** Where the variables are looked up: `process.env`. Default: nowhere. */
  readonly env?: Environment | undefined;
  /**
   * Writes the instances down, so that one that is missing shows as `coverage`, and one that counts others as
   * `shard-mismatch`: `postgresShardRegistry(…)`. Default: none, and nobody sees either.
   */
  readonly registry?: ShardRegistry | undefined;
}

const MAX_TOTAL = 10_000;

/**
 * A fixed number of instances, each of which knows its own number: no server is needed, and no lease protects it. Zones go
 * to `shard-0` … `shard-(total - 1)` by rendezvous hashing, so that from 3 to 4 instances a quarter of the zones moves.
 *
 * In a StatefulSet the number comes from the pod's name, with `env: process.env`: `HOSTNAME` `zones-3` is number 3.
 *
 * @throws {ShardSettingsError} when a variable is missing or wrong.
 * @throws {TypeError | RangeError} when an option is wrong.
 */
export function staticShards(options: StaticShardsOptions = {}): Shards {
  requireOptions('staticShards', options, { id: true, total: true, env: true, registry: true });
  const registry =
    options.registry === undefined
      ? undefined
      : requirePort('registry', options.registry, ['start', 'close']);
  const env = options.env === undefined ? undefined : requireObject('env', options.env);
  const total =
    options.total === undefined
      ? readInteger(env, TOTAL, { min: 1, max: MAX_TOTAL })
      : requireInteger('total', options.total, { min: 1, max: MAX_TOTAL });
  const range = { min: 0, max: total - 1 };
  const id =
    options.id === undefined
      ? readInteger(env, env?.[ID] === undefined ? HOSTNAME : ID, range)
      : requireInteger('id', options.id, range);

  const contenders = toContenders(
    Array.from({ length: total }, (_, shard) => ({ id: `shard-${shard}` })),
  );
  const own = `shard-${id}`;
  const isOurs = (zoneId: string): boolean => winnerOf(hashText(zoneId), contenders) === own;
  return createFixedShards({ total, members: total, shard: id, isOurs, registry });
}

const ID = 'ZONE_SHARD_ID';
const TOTAL = 'ZONE_SHARD_TOTAL';
const HOSTNAME = 'HOSTNAME';

function readInteger(
  env: Environment | undefined,
  variable: string,
  { min, max }: { readonly min: number; readonly max: number },
): number {
  const value = env?.[variable];
  const isHost = variable === HOSTNAME;
  const digits = isHost ? /-(0|[1-9]\d*)$/.exec(value ?? '')?.[1] : value;
  const number = digits !== undefined && /^(0|[1-9]\d*)$/.test(digits) ? Number(digits) : undefined;
  if (number !== undefined && number >= min && number <= max) return number;
  const range = `an integer from ${min} to ${max}`;
  // The name of a host is looked at only in place of the variable, which is what is missing first of all.
  if (isHost)
    throw new ShardSettingsError(ID, `${range}, or HOSTNAME must end in one (zones-0)`, {
      value,
      env,
    });
  throw new ShardSettingsError(variable, range, { value, env });
}
