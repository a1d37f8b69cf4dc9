import type { Shards } from '../shards.ts';
import { ShardMember } from './shard-member.ts';
import { resolveShardsOptions, type PostgresShardsOptions } from './shard-options.ts';

/**
 * Shards that a group of instances shares over PostgreSQL 13 or newer: each has its share, one that dies is replaced when
 * its lease has ended, and one that is closed gives its shards back when they are drained. No session lock is used, so
 * PgBouncer in transaction mode will do.
 *
 * `start()` rejects with `SHARD_SCHEMA`, with `SHARD_TOTAL`, or with the driver's error when there is no connection.
 *
 * @throws {TypeError | RangeError} when an option is missing, unknown or wrong.
 */
export function postgresShards(options: PostgresShardsOptions): Shards {
  return new ShardMember(resolveShardsOptions(options));
}
